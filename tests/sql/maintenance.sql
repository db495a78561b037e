-- As if its time had come; a parameter that is set makes the server look.
update metadb.maintenance set next_maintenance_time = now() - interval '1 second';
alter system set maintenance_time = '02:15';
do $$ begin
    for i in 1..600 loop
        exit when (select next_maintenance_time > now() from metadb.maintenance);
        perform pg_sleep(0.05);
    end loop;
end $$;
select to_char(next_maintenance_time at time zone 'UTC', 'HH24:MI') as next_time,
    next_maintenance_time <= now() + interval '1 day' as is_within_a_day, last_run <= now() as has_run, last_error
from metadb.maintenance;
do $$ begin
    for i in 1..600 loop
        exit when exists (select from mdblog('1 hour') where message = 'maintenance ends');
        perform pg_sleep(0.05);
    end loop;
end $$;
select message from mdblog('1 hour') where message like 'maintenance%' and message not like '%tables analyzed';
-- This month and the next.
select count(*) >= 2 as has_months from pg_inherits where inhparent = 'metadb.log'::regclass;
alter system reset maintenance_time;
