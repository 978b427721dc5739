/* SPDX-License-Identifier: MIT
 *
 * The progress line, and held signals.
 */
#include "progress.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

#define FIRST_MS 1000
#define NEXT_MS 200

static volatile sig_atomic_t caught_signal;
static const int held_signals[] = {SIGINT, SIGTERM, SIGHUP};
#define HELD_COUNT (sizeof(held_signals) / sizeof(held_signals[0]))
static struct sigaction old_actions[HELD_COUNT];
static unsigned hold_depth;

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void progress_begin(struct progress *progress, const char *verb, bool is_bytes, bool is_wanted)
{
    *progress = (struct progress){.verb = verb, .is_bytes = is_bytes};
    progress->is_shown = is_wanted && isatty(STDERR_FILENO);
    if (progress->is_shown)
        progress->begun_ms = now_ms();
}

static void draw(struct progress *progress, uint64_t done, uint64_t total)
{
    struct text line = {0};

    text_printf(&line, "\r\033[K%s: ", progress->verb);
    if (progress->is_bytes)
        text_size(&line, done);
    else
        text_number(&line, done);
    if (total) {
        text_puts(&line, " of ");
        if (progress->is_bytes)
            text_size(&line, total);
        else
            text_number(&line, total);
        text_printf(&line, " (%d%%)", (int)((double)done * 100 / (double)total));
    }
    fwrite(line.data, 1, line.size, stderr);
    fflush(stderr);
    text_free(&line);
    progress->is_line_open = true;
}

bool progress_update(void *state, uint64_t done, uint64_t total)
{
    struct progress *progress = state;

    if (progress->is_shown) {
        int64_t now = now_ms();
        if (now - progress->begun_ms >= FIRST_MS && now - progress->drawn_ms >= NEXT_MS) {
            progress->drawn_ms = now;
            draw(progress, done, total);
        }
    }
    return !caught_signal;
}

void progress_clear(struct progress *progress)
{
    if (!progress->is_line_open)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    progress->is_line_open = false;
}

static void catch_signal(int number)
{
    /* The second one means it. */
    if (caught_signal) {
        signal(number, SIG_DFL);
        raise(number);
    }
    caught_signal = number;
}

void interrupt_hold(void)
{
    struct sigaction action = {0};

    if (__atomic_fetch_add(&hold_depth, 1, __ATOMIC_SEQ_CST))
        return;
    action.sa_handler = catch_signal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < HELD_COUNT; i++) {
        sigaction(held_signals[i], NULL, &old_actions[i]);
        /* nohup and the like stay in force. */
        if (old_actions[i].sa_handler != SIG_IGN)
            sigaction(held_signals[i], &action, NULL);
    }
}

bool interrupt_is_pending(void)
{
    return caught_signal != 0;
}

void interrupt_release(void)
{
    if (__atomic_sub_fetch(&hold_depth, 1, __ATOMIC_SEQ_CST))
        return;
    for (size_t i = 0; i < HELD_COUNT; i++)
        sigaction(held_signals[i], &old_actions[i], NULL);
    if (caught_signal)
        raise(caught_signal);
}
