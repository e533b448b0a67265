/* Insights: value, and propensities. */
#include <math.h>
#include <stdio.h>

#include "times.h"
#include "view.h"

typedef Profilecontext__V1__Insight insight;

enum { FACTORS_SHOWN = 3 };

static bool is_propensity(const insight *it)
{
    return it->propensity != PROFILECONTEXT__V1__PROPENSITY__PROPENSITY_UNSPECIFIED ||
           it->kind == PROFILECONTEXT__V1__INSIGHT_KIND__INSIGHT_KIND_SCORE ||
           it->kind == PROFILECONTEXT__V1__INSIGHT_KIND__INSIGHT_KIND_PROBABILITY ||
           it->kind == PROFILECONTEXT__V1__INSIGHT_KIND__INSIGHT_KIND_PERCENTILE;
}

/* Good or bad news, where the insight says which way is which. */
static display_style style_of(const insight *it)
{
    bool high_is_bad =
        it->direction == PROFILECONTEXT__V1__INSIGHT_DIRECTION__INSIGHT_DIRECTION_HIGH_IS_BAD;
    bool high_is_good =
        it->direction == PROFILECONTEXT__V1__INSIGHT_DIRECTION__INSIGHT_DIRECTION_HIGH_IS_GOOD;
    if (!high_is_bad && !high_is_good) {
        return STYLE_PLAIN;
    }
    switch (it->band) {
    case PROFILECONTEXT__V1__INSIGHT_BAND__INSIGHT_BAND_HIGH:
        return high_is_bad ? STYLE_BAD : STYLE_GOOD;
    case PROFILECONTEXT__V1__INSIGHT_BAND__INSIGHT_BAND_LOW:
        return high_is_bad ? STYLE_GOOD : STYLE_BAD;
    case PROFILECONTEXT__V1__INSIGHT_BAND__INSIGHT_BAND_MEDIUM:
        return STYLE_WARNING;
    default:
        return STYLE_PLAIN;
    }
}

static const char *band_in_words(Profilecontext__V1__InsightBand band)
{
    switch (band) {
    case PROFILECONTEXT__V1__INSIGHT_BAND__INSIGHT_BAND_HIGH:
        return "high";
    case PROFILECONTEXT__V1__INSIGHT_BAND__INSIGHT_BAND_MEDIUM:
        return "medium";
    case PROFILECONTEXT__V1__INSIGHT_BAND__INSIGHT_BAND_LOW:
        return "low";
    default:
        return "";
    }
}

static void add_number(display *to, display_style style, const insight *it)
{
    char text[VIEW_NUMBER_SIZE];
    if (it->kind == PROFILECONTEXT__V1__INSIGHT_KIND__INSIGHT_KIND_PROBABILITY) {
        view_number(text, it->number * 100, 0);
        display_addf(to, style, "%s %%", text);
        return;
    }
    bool amount = it->kind == PROFILECONTEXT__V1__INSIGHT_KIND__INSIGHT_KIND_AMOUNT;
    view_number(text, it->number, amount ? 2 : it->number == floor(it->number) ? 0 : 2);
    display_add(to, style, text);
    if (*it->unit != '\0') {
        display_addf(to, style, " %s", it->unit);
    }
}

static void add_value(display *to, display_style style, const insight *it)
{
    char text[TIMES_TEXT_SIZE];
    switch (it->value_case) {
    case PROFILECONTEXT__V1__INSIGHT__VALUE_NUMBER:
        add_number(to, style, it);
        break;
    case PROFILECONTEXT__V1__INSIGHT__VALUE_TEXT:
        display_add(to, style, it->text);
        break;
    case PROFILECONTEXT__V1__INSIGHT__VALUE_FLAG:
        display_add(to, style, it->flag ? "yes" : "no");
        break;
    case PROFILECONTEXT__V1__INSIGHT__VALUE_TIME:
        times_format_date(text, it->time->seconds);
        display_add(to, style, text);
        break;
    case PROFILECONTEXT__V1__INSIGHT__VALUE_LIST:
        for (size_t i = 0; i < it->list->n_values; i++) {
            display_addf(to, style, "%s%s", i == 0 ? "" : ", ", it->list->values[i]);
        }
        break;
    default:
        display_add(to, STYLE_FAINT, "no value");
        break;
    }
}

static void view_factors(display *to, const insight *it)
{
    for (size_t i = 0; i < it->n_factors && i < FACTORS_SHOWN; i++) {
        const Profilecontext__V1__InfluentialFactor *factor = it->factors[i];
        display_pad(to, 2 * VIEW_INDENT);
        display_addf(to, STYLE_FAINT, "because of %s", factor->code);
        if (*factor->value != '\0') {
            display_addf(to, STYLE_FAINT, " = %s", factor->value);
        }
        if (*factor->importance != '\0') {
            display_addf(to, STYLE_FAINT, " (%s)", factor->importance);
        }
        display_end(to);
    }
}

void view_value(display *to, insight *const *insights, size_t count)
{
    size_t shown = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_propensity(insights[i])) {
            view_label(to, insights[i]->name);
            add_value(to, style_of(insights[i]), insights[i]);
            display_end(to);
            shown++;
        }
    }
    if (shown == 0) {
        view_note(to, "nothing known");
    }
}

void view_propensities(display *to, insight *const *insights, size_t count)
{
    size_t shown = 0;
    for (size_t i = 0; i < count; i++) {
        const insight *it = insights[i];
        if (!is_propensity(it)) {
            continue;
        }
        view_label(to, it->name);
        add_value(to, style_of(it), it);
        const char *band = band_in_words(it->band);
        if (*band != '\0') {
            display_addf(to, style_of(it), ", %s", band);
        }
        display_end(to);
        view_factors(to, it);
        shown++;
    }
    if (shown == 0) {
        view_note(to, "none known");
    }
}
