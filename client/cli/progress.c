/* How far long work has come. */
#include "progress.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "times.h"
#include "view.h"

enum { INTERVAL_MS = 100, REMAINING_AFTER_MS = 1000 };

void progress_start(progress *to, FILE *out, bool terminal)
{
    *to = (progress){.out = out, .shown = terminal, .start_ms = times_now_ms()};
}

void progress_format(char out[PROGRESS_TEXT_SIZE], const progress_state *state)
{
    char done[VIEW_NUMBER_SIZE];
    char rate[VIEW_NUMBER_SIZE];
    char left[TIMES_TEXT_SIZE];
    double seconds = (double)state->elapsed_ms / 1000;
    view_number(done, (double)state->done, 0);
    view_number(rate, seconds > 0 ? (double)state->done / seconds : 0, 0);
    int size = snprintf(out, PROGRESS_TEXT_SIZE, "%s answered, %s/s", done, rate);
    if (state->failed > 0) {
        size += snprintf(out + size, PROGRESS_TEXT_SIZE - (size_t)size, ", %" PRIu64 " failed",
                         state->failed);
    }
    if (state->share > 0 && state->elapsed_ms >= REMAINING_AFTER_MS) {
        double share = state->share > 1 ? 1 : state->share;
        times_format_span(left, (int64_t)((double)state->elapsed_ms * (1 - share) / share));
        (void)snprintf(out + size, PROGRESS_TEXT_SIZE - (size_t)size, ", %.0f %%, about %s left",
                       share * 100, left);
    }
}

void progress_show(progress *to, uint64_t done, uint64_t failed, double share)
{
    int64_t now = times_now_ms();
    if (!to->shown || now - to->last_ms < INTERVAL_MS) {
        return;
    }
    progress_state state = {done, failed, share, now - to->start_ms};
    char text[PROGRESS_TEXT_SIZE];
    progress_format(text, &state);
    progress_line(to, text);
}

void progress_line(progress *to, const char *text)
{
    if (to->shown) {
        to->last_ms = times_now_ms();
        fprintf(to->out, "\r%s\033[K", text);
        fflush(to->out);
    }
}

void progress_end(progress *to)
{
    if (to->shown && to->last_ms > 0) {
        fputs("\r\033[K", to->out);
        fflush(to->out);
    }
}
