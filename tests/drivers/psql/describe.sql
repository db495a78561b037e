-- The catalog queries behind the backslash commands.
\d
set search_path = library;
\d
\d+ patrons
\d items
\d loans
\d+ visits
\d visits_2026
\d kinds
\d due_loans
\d+ prices
\d numbers
\d items_title
\dt+ library.i*
\dn+ library
\dT+ library.*
\dD library.*
\df library.*
\sf library.tell
\sv library.due_loans
\dp library.*
\ddp
\du
\drds
\dRp+
\dx
\di library.*
\dv metadb.*
\dt metadb.base_table
\dO library.*
\dc library.*
\dC library.*
\dL
\dA
\dy
\l library
\encoding
\conninfo
\d library.nothing
