"""Words of the project's own dialect, which nothing that a person reads is written in."""

import re

DIALECT = re.compile(
    r"\b(?:"
    r"tells?|told|demand\w*|lets?(?: \w+)? in|vouch\w*|hangs?(?: \w+)? on|beside|gets?(?: \w+)? in"
    r"|nobody|whoever|anybody|everybody|owns|fares?|amiss|mend|anew|foretold|visibly|moment"
    r"|held against|holds? \w+ against|looks? at|runs? out|ends|ended|it is no|speaks?|for which"
    r")\b",
    re.IGNORECASE,
)
