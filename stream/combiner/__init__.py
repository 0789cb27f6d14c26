"""The combiner: from the partials of every input partition to the live and final KPI values of an area. Pure.

One CombinerPartition per partition of kompas.partials.v1; its state is a function of that partition's prefix alone.

    from stream.combiner.partition import CombinerPartition, SnapshotUnusable

    combiner = CombinerPartition(partition, input_partitions=12)
    combiner.offset                        last offset applied, -1 for none: continue at offset + 1
    combiner.apply(value, offset)          one record; at or below `offset` it changes nothing; a gap raises Inconsistent;
                                           a record that is no frame is counted and said, never raised
    combiner.take(computed_at_us, live)    -> list[KpiValue] to publish: finals since the last take always, live values that
                                           changed only with live=True (call that at most once a second, the rest at will)
    combiner.snapshot()                    -> bytes; take first (finals that wait raise Inconsistent); same prefix, same bytes
    combiner.restore(data)                 replaces the state; raises SnapshotUnusable for another layout or torn bytes
    combiner.problems()                    -> list[str]: sentences since the last call, for the log
    combiner.counts                        dict[str, int]: frames, rows, regressed, after_close, damaged, finals, lives

Order     take -> publish to kompas.kpis.v1 (key `kpi|area`) -> confirmed by Kafka -> snapshot -> commit of `offset`. Everything
          that take returned must be confirmed before a snapshot made after it is committed. After a restore the open windows'
          live values come again, with the same content.
"""
