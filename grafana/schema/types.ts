// What of Grafana's types the dashboard uses. Names differ from Grafana's where two would be equal.
import type { Dashboard } from '@grafana/schema/dist/esm/raw/dashboard/x/Dashboard_types.gen';
import type * as bars from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type * as numbers from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as tables from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as graphs from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

export interface TheDashboard extends Dashboard {}

export interface bargaugeOptions extends bars.Options {}
export interface statOptions extends numbers.Options {}
export interface tableOptions extends tables.Options {}
export interface timeseriesOptions extends graphs.Options {}

export interface bargaugeCustom {}
export interface statCustom {}
export interface tableCustom extends tables.FieldConfig {}
export interface timeseriesCustom extends graphs.FieldConfig {}
