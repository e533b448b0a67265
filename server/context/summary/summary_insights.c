/* Lifetime value and propensities: the configured insights that are one. */
#include "context/summary/summary_internal.h"

/* Field numbers of LifetimeValue and PropensitySummary. */
enum {
    LIFETIME_VALUE = 1,
    LIFETIME_UNIT = 2,
    LIFETIME_SOURCE = 3,
    PROPENSITY_SCORE = 1,
    PROPENSITY_BAND = 2,
    PROPENSITY_DIRECTION = 3,
    PROPENSITY_FACTORS = 4,
    PROPENSITY_SOURCE = 5
};

/* Numbers of insight.proto's Propensity. */
enum { CHURN = 1, CONVERSION = 2 };

static void put_source(pc_buffer *out, uint32_t number, const pc_summary_rules *rules, span insight)
{
    size_t mark = pc_wire_begin(out, number);
    summary_put_span(out, SOURCE_PATH, summary_span(rules, insight, PATH_INSIGHT_PATH));
    summary_put_span(out, SOURCE_INSIGHT, summary_span(rules, insight, PATH_INSIGHT_NAME));
    pc_wire_end(out, mark);
}

static void put_lifetime(pc_buffer *out, const pc_summary_rules *rules, span insight, double value)
{
    size_t mark = pc_wire_begin(out, SUMMARY_LIFETIME_VALUE);
    pc_wire_put_double(out, LIFETIME_VALUE, value);
    summary_put_span(out, LIFETIME_UNIT, summary_span(rules, insight, PATH_INSIGHT_UNIT));
    put_source(out, LIFETIME_SOURCE, rules, insight);
    pc_wire_end(out, mark);
}

static void put_propensity(pc_buffer *out, uint32_t number, const pc_summary_rules *rules,
                           span insight, double score)
{
    size_t mark = pc_wire_begin(out, number);
    pc_wire_put_double(out, PROPENSITY_SCORE, score);
    pc_wire_put_int(out, PROPENSITY_BAND, summary_int(rules, insight, PATH_INSIGHT_BAND));
    pc_wire_put_int(out, PROPENSITY_DIRECTION, summary_int(rules, insight, PATH_INSIGHT_DIRECTION));
    pc_wire_reader reader;
    span factor;
    pc_wire_reader_init(&reader, insight.bytes, insight.size);
    while (summary_next(rules, &reader, PATH_INSIGHT_FACTORS, &factor)) {
        pc_wire_put_bytes(out, PROPENSITY_FACTORS, factor.bytes, factor.size);
    }
    put_source(out, PROPENSITY_SOURCE, rules, insight);
    pc_wire_end(out, mark);
}

void summary_put_insights(pc_buffer *out, const pc_summary_rules *rules,
                          const pc_summary_input *input)
{
    pc_wire_reader reader;
    pc_wire_field field;
    bool has_lifetime = false;
    bool has_churn = false;
    bool has_conversion = false;
    pc_wire_reader_init(&reader, input->insights, input->insights_size);
    while (pc_wire_next(&reader, &field)) {
        span insight = {field.bytes, field.size};
        double number;
        if (!summary_double(rules, insight, PATH_INSIGHT_NUMBER, &number)) {
            continue;
        }
        if (rules->lifetime_value != NULL && !has_lifetime &&
            span_is(summary_span(rules, insight, PATH_INSIGHT_NAME), rules->lifetime_value)) {
            put_lifetime(out, rules, insight, number);
            has_lifetime = true;
        }
        int64_t propensity = summary_int(rules, insight, PATH_INSIGHT_PROPENSITY);
        if (propensity == CHURN && !has_churn) {
            put_propensity(out, SUMMARY_CHURN, rules, insight, number);
            has_churn = true;
        } else if (propensity == CONVERSION && !has_conversion) {
            put_propensity(out, SUMMARY_CONVERSION, rules, insight, number);
            has_conversion = true;
        }
    }
}
