"""When may results be compared? When everything that was committed in the source is in Kafka, and everything that
is in Kafka is in the tables. Both are conditions that can be asked for."""

from processes import wait_until


def await_kafka(source, connection, *slots, seconds=60):
    """Returns when the connectors of these slots have sent, and Kafka has acknowledged, all that is committed now."""
    cursor = connection.cursor()
    cursor.execute("SELECT pg_current_wal_insert_lsn()")
    position = cursor.fetchone()[0]
    admin = source.connect("postgres")

    def confirmed():
        # The connector confirms a position only after it has seen a later event that it captures.
        connection.cursor().execute("UPDATE admin.heartbeat SET last_heartbeat = clock_timestamp()")
        look = admin.cursor()
        look.execute("SELECT count(*) FROM pg_replication_slots WHERE slot_name = ANY (%s) "
                     "AND confirmed_flush_lsn >= %s", [list(slots), position])
        return look.fetchone()[0] == len(slots)

    try:
        wait_until(confirmed, seconds, f"the connector does not confirm {position} on {' and '.join(slots)}", pause=0.2)
    finally:
        admin.close()


def await_tables(kafka, metadb, source_name, topics, seconds=60):
    """Returns when metadb has applied these topics up to their end of now."""
    ends = {topic: kafka.end_offset(topic) for topic in topics}

    def behind():
        positions = metadb.positions(source_name)
        # The position of a topic without records is -1 or missing; a topic that goes on may be further by now.
        return {topic: (positions.get(topic), end) for topic, end in ends.items()
                if max(positions.get(topic, 0), 0) < end}

    wait_until(lambda: not behind(), seconds,
               lambda: f"behind (applied, end): {behind()}; status {metadb.status()}\n{metadb.tail()}", pause=0.1)
