"""The formula language of KPIs: parse, check, compile (compile), and compute (finalise, tree). Pure.

For the worker and the combiner:
    compile.compile_kpi(kpi, quantities) -> Plan           plan.aggregates, plan.quantities, plan.evaluate(inputs)
    spec.AggregateSpec, parse_id, key, parse_key, ORDERED  `mean(pm2_5)`, `mean(pm2_5)@hour`
    spec.scale(spec, quantity)                             worth of one unit of a partial's integers: the resolution; for
                                                           time_share, count and count_devices it is 1
    spec.threshold_integer(spec, quantity)                 time_share counts the time with v >= this integer
    parts.part_spans(start_us, end_us, part, city)         spans of day, evening or night inside a window; an aggregate of a
                                                           part counts readings and dues inside them only
    finalise.finalise(spec, quantity, merged, bins)        merged partials to values
"""
