-- Extended protocol from psql, version 16 or newer.
select $1::int + $2::int as sum \bind 1 2 \g
select $1::text, $2 is null as missing \bind 'a b' '' \gdesc
select title from library.items where id = $1 \bind 3 \gx
select 1 / $1::int \bind 0 \g
select name from library.patrons where id = any($1::int[]) order by id \bind '{1,3}' \g
select count(*) from library.items \watch c=3 i=0.05
