sync data source s;
endsync data source s;
