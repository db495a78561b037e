-- Large objects: psql uses the function call message (F) for them.
\! seq 1 50000 > numbers.txt
\lo_import numbers.txt 'fifty thousand numbers'
\set loid :LASTOID
\lo_export :loid numbers.out
\! cmp numbers.txt numbers.out && echo equal
select length(lo_get(:loid)), md5(lo_get(:loid));
select lo_get(:loid, 10, 20);
begin;
select lo_open(:loid, x'60000'::int) as fd \gset
select loread(:fd, 8), lo_lseek64(:fd, 0, 2), lowrite(:fd, 'the end');
select lo_tell64(:fd), lo_truncate(:fd, 5), lo_close(:fd);
commit;
select lo_get(:loid);
\lo_export 1 numbers.out
\lo_import 'there is no such file'
\lo_unlink :loid
\lo_unlink :loid
\lo_list
