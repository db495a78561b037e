alter system set checkpoint_segment_size = '500';
alter system set "max_poll_interval" = '20000';
alter system set checkpoint_segment_size = '0';
alter system set tables_per_transaction = 'all';
list config;
alter system set checkpoint_segment_size = '3000';
alter system set max_poll_interval = '1800000';
