-- The login of pg-replication-cert-exporter with the least it needs, for PostgreSQL 13 to 18.
--
-- Run it as a superuser, on the primary, in the database that the exporter connects to (grants on
-- system views and the functions below belong to one database; standbys receive them). It may be
-- run again at any time; do so after every major upgrade and every upgrade of the exporter, for
-- each role that an exporter logs in as (roles that were given the functions before keep them).
--
-- What the role can do afterwards:
--   * see how every session is connected (pg_read_all_stats; not pg_monitor, which could read the
--     password in a standby's primary_conninfo);
--   * see pg_hba.conf and pg_ident.conf as the server parsed them;
--   * call six functions without arguments that return sizes and times of the files behind rules
--     and TLS; the certificates and revocation lists in them, and on a standby those in the file
--     that it sends to its primary (never a key, and no other text); and which lines of pg_hba.conf
--     hold quotes and the like (never their text).
-- It reads no table of yours and no other file, and cannot choose which.

BEGIN;

SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL check_function_bodies = on;
SET LOCAL replication_cert_exporter.role = @ROLE@;

DO $install$
DECLARE
  role_name CONSTANT name := current_setting('replication_cert_exporter.role');
  version CONSTANT integer := current_setting('server_version_num');
BEGIN
  IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    RAISE EXCEPTION 'this must be run by a superuser, for the functions read files as their owner';
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
    EXECUTE format('CREATE ROLE %I LOGIN', role_name);
  END IF;
  IF version >= 160000 THEN
    EXECUTE format('GRANT pg_read_all_stats TO %I WITH INHERIT TRUE', role_name);
  ELSE
    EXECUTE format('GRANT pg_read_all_stats TO %I', role_name);
    IF version >= 150000
       AND NOT (SELECT rolinherit FROM pg_roles WHERE rolname = role_name) THEN
      RAISE WARNING 'role % is NOINHERIT and will see nothing of other sessions', role_name
        USING HINT = format('ALTER ROLE %I INHERIT;', role_name);
    END IF;
  END IF;
  EXECUTE format('GRANT SELECT ON pg_catalog.pg_hba_file_rules TO %I', role_name);
  EXECUTE format('GRANT EXECUTE ON FUNCTION pg_catalog.pg_hba_file_rules() TO %I', role_name);
  IF version >= 150000 THEN
    EXECUTE format('GRANT SELECT ON pg_catalog.pg_ident_file_mappings TO %I', role_name);
    EXECUTE format('GRANT EXECUTE ON FUNCTION pg_catalog.pg_ident_file_mappings() TO %I', role_name);
  END IF;
  IF EXISTS (
    SELECT FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner
     WHERE n.nspname = 'replication_cert_exporter' AND NOT r.rolsuper
  ) THEN
    RAISE EXCEPTION 'schema replication_cert_exporter belongs to a role that is not a superuser'
      USING HINT = 'See who made it and why, then drop it and run this again.';
  END IF;
END
$install$;

-- Everything in the schema is made anew, so that a change of a result type needs no other script.
-- Roles keep what they were granted: one server may have several exporters, each with its own role.
-- A function with one of these names whose owner is not a superuser is not ours: its grants are not
-- kept.
CREATE TEMPORARY TABLE kept_grants ON COMMIT DROP AS
  SELECT 'USAGE ON SCHEMA replication_cert_exporter' AS granted, acl.grantee, acl.is_grantable
    FROM pg_namespace n, aclexplode(n.nspacl) AS acl
   WHERE n.nspname = 'replication_cert_exporter'
     AND acl.privilege_type = 'USAGE' AND acl.grantee NOT IN (0, n.nspowner)
  UNION
  SELECT format('EXECUTE ON FUNCTION replication_cert_exporter.%I()', same.given),
         acl.grantee, acl.is_grantable
    FROM pg_namespace n
    JOIN pg_proc p ON p.pronamespace = n.oid
    JOIN (VALUES ('file_times', 'file_times'), ('file_times', 'file_times_at_once'),
                 ('file_times_at_once', 'file_times_at_once'), ('hba_lines', 'hba_lines'),
                 ('ident_mappings', 'ident_mappings'),
                 ('public_certificates', 'public_certificates'),
                 ('receiver_certificate', 'receiver_certificate')
         ) AS same(held, given) ON same.held = p.proname
    JOIN pg_roles owner ON owner.oid = p.proowner AND owner.rolsuper,
         aclexplode(p.proacl) AS acl
   WHERE n.nspname = 'replication_cert_exporter' AND p.pronargs = 0
     AND acl.privilege_type = 'EXECUTE' AND acl.grantee NOT IN (0, p.proowner);

DROP SCHEMA IF EXISTS replication_cert_exporter CASCADE;
CREATE SCHEMA replication_cert_exporter;
REVOKE ALL ON SCHEMA replication_cert_exporter FROM PUBLIC;

-- Lines of a configuration file as the server's tokenizer sees them (hba.c, next_token() and
-- tokenize_auth_file()): continued lines joined (14 on), comments cut off unless the # is quoted.
-- Bytes outside of ASCII and backslashes are in the form of encode(…, 'escape'), so that a file in
-- any encoding can be read. Not granted to anybody.
CREATE FUNCTION replication_cert_exporter.logical_lines(path text)
RETURNS TABLE (line_number integer, body text, continues boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $function$
  WITH physical AS (
    SELECT n::integer AS n, rtrim(line, E'\r') AS line
      FROM unnest(string_to_array(
             encode(
               CASE WHEN (pg_stat_file(path, true)).size IS NOT NULL THEN pg_read_binary_file(path) END,
               'escape'
             ), E'\n'
           )) WITH ORDINALITY AS each(line, n)
  ), marked AS (
    SELECT n, line,
           current_setting('server_version_num')::integer >= 140000
             AND line LIKE '%\\' AS continued
      FROM physical
  ), grouped AS (
    SELECT n, continued,
           CASE WHEN continued THEN left(line, -2) ELSE line END AS part,
           count(*) FILTER (WHERE NOT continued)
             OVER (ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS line_group
      FROM marked
  )
  SELECT min(n),
         substring(string_agg(part, '' ORDER BY n) FROM '^(?:[^"#]|"[^"]*(?:"|$))*'),
         bool_or(continued)
    FROM grouped
   GROUP BY line_group
$function$;

-- A configuration file, the files and directories it includes (16 on), and what those include.
-- A file that is included and missing is named too: it may have been there at the last reload.
-- Not granted to anybody.
CREATE FUNCTION replication_cert_exporter.with_included(main_file text)
RETURNS SETOF text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  pending text[] := ARRAY[main_file];
  seen text[] := '{}';
  file text;
  included text;
BEGIN
  WHILE cardinality(pending) > 0 AND cardinality(seen) < 1000 LOOP
    file := pending[1];
    pending := pending[2:];
    CONTINUE WHEN file = ANY (seen);
    seen := seen || file;
    RETURN NEXT file;
    CONTINUE WHEN current_setting('server_version_num')::integer < 160000;
    BEGIN
      IF (pg_stat_file(file, true)).isdir THEN
        pending := pending || ARRAY(
          SELECT file || '/' || entry FROM pg_ls_dir(file) AS entry
           WHERE entry LIKE '%.conf' AND entry NOT LIKE '.%' ORDER BY entry COLLATE "C"
        );
      ELSE
        FOR included IN
          SELECT convert_from(decode(replace(word[1], '"', ''), 'escape'), getdatabaseencoding())
            FROM replication_cert_exporter.logical_lines(file) AS line,
                 regexp_matches(
                   line.body,
                   '^[\s,]*"?include(?:_if_exists|_dir)?"?\s+((?:[^\s",]|"[^"]*(?:"|$))+)'
                 ) AS word
           ORDER BY line.line_number
        LOOP
          pending := pending || CASE
            WHEN included LIKE '/%' THEN included
            ELSE regexp_replace(file, '[^/]*$', '') || included
          END;
        END LOOP;
      END IF;
    EXCEPTION WHEN OTHERS THEN
      NULL;  -- the server cannot read it either: it is named, and nothing is known of it
    END;
  END LOOP;
END
$function$;

-- Whether a file may include others (16 on): the word stands at the start of a line, or in a continued
-- line, in which it may be split. Fails where the server cannot read the file. Without settings of
-- its own, so that it becomes part of the query that calls it. Not granted to anybody.
CREATE FUNCTION replication_cert_exporter.may_include(path text)
RETURNS boolean
LANGUAGE sql VOLATILE AS $function$
  SELECT current_setting('server_version_num') >= '160000'
         AND encode(pg_read_binary_file(path), 'escape') ~ '(?n)^[\s,]*"?include|\\\\\r*$'
$function$;

-- Size and times of one file; NULLs if it is missing, or the server may not stat it. Not granted
-- to anybody.
CREATE FUNCTION replication_cert_exporter.times_of(
  path text,
  OUT size bigint, OUT modified timestamp with time zone, OUT changed timestamp with time zone
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  SELECT f.size, f.modification, f.change INTO size, modified, changed
    FROM pg_stat_file(path, true) AS f;
EXCEPTION WHEN OTHERS THEN
  NULL;
END
$function$;

-- Files that most servers do not have: revocation lists in a directory (14 on), a standby's own
-- certificate, included files (16 on). Not granted to anybody.
CREATE FUNCTION replication_cert_exporter.other_files(asked boolean)
RETURNS TABLE (
  setting text, path text, size bigint,
  modified timestamp with time zone, changed timestamp with time zone
)
LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  own text;
  main text;
  file text;
BEGIN
  IF current_setting('ssl_crl_dir', true) <> '' THEN
    RETURN QUERY
      SELECT 'ssl_crl_dir', f.path, times.*
        FROM replication_cert_exporter.revocation_files() AS f,
             replication_cert_exporter.times_of(f.path) AS times;
  END IF;
  IF pg_is_in_recovery() THEN
    own := replication_cert_exporter.receiver_certificate_path();
    IF own IS NOT NULL THEN
      RETURN QUERY
        SELECT 'sslcert', own, times.* FROM replication_cert_exporter.times_of(own) AS times;
    END IF;
  END IF;
  FOREACH main IN ARRAY ARRAY['hba', 'ident'] LOOP
    BEGIN
      file := current_setting(main || '_file');
      IF replication_cert_exporter.may_include(file) THEN
        RETURN QUERY
          SELECT main || '_included', f, times.*
            FROM replication_cert_exporter.with_included(file) AS f,
                 replication_cert_exporter.times_of(f) AS times
           WHERE f <> file;
      END IF;
    EXCEPTION WHEN OTHERS THEN
      NULL;  -- the server cannot read it either
    END;
  END LOOP;
END
$function$;

-- Size and times of the files that rules and TLS are read from; NULLs for a file that is missing.
-- It fails if the server may not stat one of them.
--
-- Every poll calls it, in a fresh session. Therefore it is not in PL/pgSQL, whose library would be loaded
-- each time, and does not even call a function of that language without need:
-- other_files() is strict.
CREATE FUNCTION replication_cert_exporter.file_times_at_once()
RETURNS TABLE (
  setting text, path text, size bigint,
  modified timestamp with time zone, changed timestamp with time zone
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
  SELECT each.s, current_setting(each.s), (each.f).size, (each.f).modification, (each.f).change
    FROM (
      SELECT s, pg_stat_file(current_setting(s), true) AS f
        FROM unnest(
               ARRAY['hba_file', 'ident_file', 'ssl_cert_file', 'ssl_ca_file', 'ssl_crl_file']
             ) AS s
       WHERE current_setting(s) <> ''
    ) AS each
  UNION ALL
  SELECT *
    FROM replication_cert_exporter.other_files(
           CASE
             WHEN pg_is_in_recovery()
               OR current_setting('ssl_crl_dir', true) <> ''
               OR replication_cert_exporter.may_include(current_setting('hba_file'))
               OR replication_cert_exporter.may_include(current_setting('ident_file'))
             THEN true
           END
         )
$function$;

-- The same, with NULLs also for a file that the server may not stat.
CREATE FUNCTION replication_cert_exporter.file_times()
RETURNS TABLE (
  setting text, path text, size bigint,
  modified timestamp with time zone, changed timestamp with time zone
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
  SELECT s, current_setting(s), times.*
    FROM unnest(
           ARRAY['hba_file', 'ident_file', 'ssl_cert_file', 'ssl_ca_file', 'ssl_crl_file']
         ) AS s,
         replication_cert_exporter.times_of(current_setting(s)) AS times
   WHERE current_setting(s) <> ''
  UNION ALL
  SELECT * FROM replication_cert_exporter.other_files(true)
$function$;

-- Of each line of pg_hba.conf that holds something which pg_hba_file_rules loses: what it is, never
-- the text. A rule that is continued is known by its first line. A token is quoted if a quote begins
-- it (hba.c, next_token()); the tokens that an @ file gives are not known here: NULL. The first row
-- may be that of the header which Patroni writes. Columns may be added at the end, never removed.
CREATE FUNCTION replication_cert_exporter.hba_lines()
RETURNS TABLE (
  file_name text, line_number integer, holds_quote boolean, holds_file_reference boolean,
  holds_clientname boolean, continues boolean, clientname text, quoted_databases boolean[],
  quoted_roles boolean[], quoted_address boolean, is_patroni_header boolean
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
#variable_conflict use_column
DECLARE
  -- fails when the file is missing
  content CONSTANT text := encode(pg_read_binary_file(current_setting('hba_file')), 'escape');
BEGIN
  IF content ~ '^#[^\n]*\n# It will be overwritten by Patroni!' THEN
    RETURN QUERY
      SELECT current_setting('hba_file'), 1, false, false, false, false, NULL::text,
             NULL::boolean[], NULL::boolean[], NULL::boolean, true;
  END IF;
  -- Most files hold nothing of the kind outside of comments: what comes first in a line, a # or one
  -- of these, is seen without taking the line apart.
  IF content !~ '(?n)^[^#]*(["@]|clientname=|include)|\\\\\r*$' THEN
    RETURN;
  END IF;
  RETURN QUERY
    SELECT traits.file, traits.line_number, traits.quote, traits.reference, traits.clientname,
           traits.continues, fields.*, false
      FROM (
        SELECT file, line.line_number, line.body,
               line.body LIKE '%"%' AS quote,
               regexp_replace(line.body, '"[^"]*("|$)', '_', 'g') ~ '(^|[\s,])@[^\s,]' AS reference,
               replace(line.body, '"', '') ~ '(^|[\s,])clientname=' AS clientname,
               line.continues
          FROM replication_cert_exporter.with_included(current_setting('hba_file')) AS file,
               LATERAL pg_stat_file(file, true) AS status,
               LATERAL replication_cert_exporter.logical_lines(file) AS line
         WHERE NOT status.isdir
      ) AS traits
     CROSS JOIN LATERAL (
        SELECT (array_agg(value ORDER BY n DESC) FILTER (WHERE value IN ('CN', 'DN')))[1],
               array_agg(quoted ORDER BY n) FILTER (WHERE field = 1),
               array_agg(quoted ORDER BY n) FILTER (WHERE field = 2),
               bool_and(quoted) FILTER (WHERE field = 3)
          FROM (
            SELECT n,
                   -- a token whose comma comes right after it is followed by one of the same field
                   count(*) FILTER (WHERE m[2] = '')
                     OVER (ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS field,
                   CASE WHEN m[1] !~ '^@.' THEN m[1] LIKE '"%' END AS quoted,
                   substring(replace(m[1], '"', '') FROM '^clientname=(.*)$') AS value
              FROM regexp_matches(
                     traits.body,
                     '((?:[^\s",]|"[^"]*(?:"|$))+)(,?)', 'g'
                   ) WITH ORDINALITY AS word(m, n)
          ) AS words
      ) AS fields
     WHERE traits.quote OR traits.reference OR traits.clientname OR traits.continues
     ORDER BY 1, 2;
END
$function$;

-- pg_ident.conf on 13 and 14, which have no view of it. Names are bytes, in whatever encoding the
-- file is.
CREATE FUNCTION replication_cert_exporter.ident_mappings()
RETURNS TABLE (
  line_number integer, map_name bytea, sys_name bytea, pg_username bytea, error text
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
#variable_conflict use_column
BEGIN
  -- fails when the file is missing; most hold comments only
  IF encode(pg_read_binary_file(current_setting('ident_file')), 'escape') !~ '(?n)^[\s,]*[^#\s,]'
  THEN
    RETURN;
  END IF;
  RETURN QUERY
    SELECT split.line_number,
           CASE WHEN split.fault IS NULL THEN decode(split.names[1], 'escape') END,
           CASE WHEN split.fault IS NULL THEN decode(split.names[2], 'escape') END,
           CASE WHEN split.fault IS NULL THEN decode(split.names[3], 'escape') END,
           split.fault
      FROM (
        SELECT line.line_number, words.names,
               CASE
                 WHEN words.reference THEN 'a reference to another file is not followed'
                 WHEN words.list THEN 'multiple values in ident field'
                 WHEN cardinality(words.names) < 3 THEN 'missing entry at end of line'
               END AS fault
          FROM replication_cert_exporter.logical_lines(current_setting('ident_file')) AS line,
               LATERAL (
                 SELECT array_agg(
                          -- a doubled quote inside of quotes is one quote
                          CASE WHEN m[1] = '""' THEN ''
                               ELSE replace(replace(replace(m[1], '""', E'\x01'), '"', ''),
                                            E'\x01', '"') END
                          ORDER BY n
                        ) AS names,
                        bool_or(m[2] <> '' AND n <= 3) AS list,
                        bool_or(m[1] ~ '^@.' AND n <= 3) AS reference
                   FROM regexp_matches(
                          line.body, '((?:[^\s",]|"[^"]*(?:"|$))+)(,?)', 'g'
                        ) WITH ORDINALITY AS word(m, n)
               ) AS words
         WHERE words.names IS NOT NULL
      ) AS split
     ORDER BY 1;
END
$function$;

-- The directory of ssl_crl_dir (14 on) and the files in it that OpenSSL looks for (by_dir.c): lists
-- are named by the hash of their issuer. The directory comes first, with what keeps it from being
-- read. Not granted to anybody.
CREATE FUNCTION replication_cert_exporter.revocation_files()
RETURNS TABLE (path text, problem text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  directory CONSTANT text := current_setting('ssl_crl_dir', true);
  names text[];
BEGIN
  path := directory;
  BEGIN
    names := ARRAY(
      SELECT name FROM pg_ls_dir(directory) AS name
       WHERE name ~ '^[0-9a-f]{8}[.]r[0-9]+$' ORDER BY name COLLATE "C" LIMIT 1001
    );
  EXCEPTION
    WHEN undefined_file THEN problem := 'missing';
    WHEN OTHERS THEN problem := 'unreadable';
  END;
  IF cardinality(names) > 1000 THEN
    problem := 'too_many';
    names := names[:1000];
  END IF;
  RETURN NEXT;
  problem := NULL;
  FOREACH path IN ARRAY coalesce(names, '{}') LOOP
    path := directory || '/' || path;
    RETURN NEXT;
  END LOOP;
END
$function$;

-- Where a standby's own certificate is: sslcert of the WAL receiver that runs. What the view shows
-- is not quoted, so that a value goes on until one of the keys that libpq prints after it
-- (fe-connect.c, PQconninfoOptions); the server cuts all of it at 1023 bytes. NULL where it is not
-- shown or cut. Not granted to anybody.
CREATE FUNCTION replication_cert_exporter.receiver_certificate_path()
RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  told text;
BEGIN
  told := (SELECT conninfo FROM pg_stat_get_wal_receiver());
  told := substring(
    told FROM ' sslmode=[^ ]+(?: ssl(?:negotiation|compression)=[^ ]+)* sslcert=(.*)$'
  );
  RETURN substring(told FROM 1 FOR nullif(position(' ' || substring(
    told FROM ' (sslkey|sslcertmode|sslpassword|sslrootcert|sslcrl|sslcrldir|sslsni|requirepeer'
              '|require_auth|(?:ssl_)?(?:min|max)_protocol_version|gssencmode)='
  ) || '=' IN told), 0) - 1);
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;  -- cut inside a character
END
$function$;

-- What is public of one file: the blocks that OpenSSL takes for certificates and revocation lists
-- (pem.h), if they also begin like one: two SEQUENCEs, and then what no key has there. Of any other
-- block with such a label only that label is returned. Nothing is read of a file of more than so many
-- bytes, nor of one that is empty: so are FIFOs and devices, and opening those may wait for ever.
-- Not granted to anybody.
CREATE FUNCTION replication_cert_exporter.public_blocks(
  path text, maximum bigint, OUT problem text, OUT size bigint, OUT pem text
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  status record;
BEGIN
  size := 0;
  SELECT * INTO status FROM pg_stat_file(path, true);
  problem := CASE
    WHEN status.size IS NULL THEN 'missing'
    WHEN status.isdir THEN 'directory'
    WHEN status.size = 0 THEN 'empty'
    WHEN status.size > maximum THEN 'too_large'
  END;
  IF problem IS NULL THEN
    size := status.size;
    pem := (
      SELECT string_agg(
               CASE WHEN encode(decode(substring(
                           translate(left(block.m[1], 200), E' \t\r\n', '')
                           FROM '(?:CERTIFICATE|CRL)-----([A-Za-z0-9+/]{20})'
                         ), 'base64'), 'hex')
                         ~ '^(?:30(?:[0-7].|81..|82.{4}|83.{6}|84.{8})){2}(?:02|30|a0)'
                    THEN block.m[1]
                    ELSE substring(block.m[1] FROM '^-----[^-]+-----') END,
               E'\n' ORDER BY block.n
             )
        FROM regexp_matches(
               encode(pg_read_binary_file(path, 0, size), 'escape'),
               '-----BEGIN (?:(?:X509 |TRUSTED )?CERTIFICATE|X509 CRL)-----'
               '(?:[A-Za-z0-9+/=[:space:]]+'
               '-----END (?:(?:X509 |TRUSTED )?CERTIFICATE|X509 CRL)-----)?', 'g'
             ) WITH ORDINALITY AS block(m, n)
    );
  END IF;
EXCEPTION
  -- it went meanwhile, or what should be its directory is a file
  WHEN undefined_file OR wrong_object_type THEN problem := 'missing';
  WHEN OTHERS THEN problem := 'unreadable';
END
$function$;

-- Certificates and revocation lists in the files that the server's settings name; a key that stands
-- in the same file never leaves it. 4 MiB of files are read at most.
CREATE FUNCTION replication_cert_exporter.public_certificates()
RETURNS TABLE (setting text, path text, problem text, pem text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  allowance bigint := 4194304;
BEGIN
  FOR setting, path, problem IN
    SELECT s, current_setting(s), NULL
      FROM unnest(ARRAY['ssl_cert_file', 'ssl_ca_file', 'ssl_crl_file']) AS s
     WHERE current_setting(s) <> ''
    UNION ALL
    SELECT 'ssl_crl_dir', f.path, f.problem
      FROM replication_cert_exporter.revocation_files() AS f
     WHERE current_setting('ssl_crl_dir', true) <> ''
  LOOP
    pem := NULL;
    IF setting <> 'ssl_crl_dir' OR path <> current_setting('ssl_crl_dir', true) THEN
      SELECT b.problem, b.pem, allowance - b.size INTO problem, pem, allowance
        FROM replication_cert_exporter.public_blocks(path, allowance) AS b;
    END IF;
    RETURN NEXT;
  END LOOP;
END
$function$;

-- On a standby, the certificates in the file that its WAL receiver sent to the primary, and will send
-- again; as above. No row where sslcert is not shown.
CREATE FUNCTION replication_cert_exporter.receiver_certificate()
RETURNS TABLE (path text, problem text, pem text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  path := replication_cert_exporter.receiver_certificate_path();
  IF path IS NOT NULL THEN
    SELECT b.problem, b.pem INTO problem, pem
      FROM replication_cert_exporter.public_blocks(path, 1048576) AS b;
    RETURN NEXT;
  END IF;
END
$function$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA replication_cert_exporter FROM PUBLIC;

DO $grant$
DECLARE
  role_name CONSTANT name := current_setting('replication_cert_exporter.role');
  function_name text;
  kept record;
BEGIN
  FOR kept IN
    SELECT granted, rolname, is_grantable
      FROM pg_temp.kept_grants JOIN pg_roles ON pg_roles.oid = grantee
  LOOP
    EXECUTE format('GRANT %s TO %I', kept.granted, kept.rolname)
      || CASE WHEN kept.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END;
  END LOOP;
  EXECUTE format('GRANT USAGE ON SCHEMA replication_cert_exporter TO %I', role_name);
  FOREACH function_name IN ARRAY
    ARRAY['file_times', 'file_times_at_once', 'hba_lines', 'ident_mappings',
          'public_certificates', 'receiver_certificate']
  LOOP
    EXECUTE format(
      'GRANT EXECUTE ON FUNCTION replication_cert_exporter.%I() TO %I', function_name, role_name
    );
  END LOOP;
END
$grant$;

COMMIT;
