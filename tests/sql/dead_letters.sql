purge dead letters;
purge dead letters for data source gone;
retry dead letters;
retry dead letters for data source gone;
insert into metadb.dead_letter (source_name, topic, part, "offset", sqlstate, error)
    select s, 't', 0, n, '22P02', 'bad' from unnest(array['gone', 'other']) s, generate_series(1, 3) n;
purge dead letters for data source gone;
select source_name, count(*) from metadb.dead_letter group by 1;
purge dead letters;
select count(*) from metadb.dead_letter;
purge dead letters for source gone;
