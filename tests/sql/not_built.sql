sync data source s;
endsync data source s;
register user u;
deregister user u;
purge data drop table s.t__;
refresh inferred column types;
verify consistency;
