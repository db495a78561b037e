select * from mdblog() \gdesc
-- Lines arrive a moment after they are logged.
do $$ begin
    for i in 1..600 loop
        exit when exists (select from mdblog('1 hour') where message = 'started');
        perform pg_sleep(0.05);
    end loop;
end $$;
select error_severity, message, log_time <= now() from mdblog('1 hour') where message = 'started';
select count(*) from mdblog('-1 hour');
-- What came before the table was open is there, and each line once.
select count(*) from mdblog('1 hour') where message like 'metadb % starts in %';
