/* Klipper's look-ahead; see ../lookahead.py. */
#include "kernel.h"

static void look(Kernel *k);
static void push_mark(Kernel *k, int64_t offset, double clock);

void queue_add(Kernel *k, const double direction[4], double c2, double dv2, double mcr_dv2,
               double accel, double distance, int motion, double e)
{
    double jda = k->deviation * accel;
    double start2 = 0.0, mcr2 = 0.0;
    if (motion == EXTRUDE_ONLY) {
        k->has_before = 0;
    } else {
        double rx = direction[0], ry = direction[1], rz = direction[2], re = direction[3];
        double *b = k->before;
        if (k->has_before) {
            start2 = c2 < b[4] ? c2 : b[4];
            if (b[5] < start2)
                start2 = b[5];
            if (re != b[3]) {
                double bound = k->extruder->corner_velocity / fabs(re - b[3]);
                bound *= bound;
                if (bound < start2)
                    start2 = bound;
            }
            double cosine = -(rx * b[0] + ry * b[1] + rz * b[2]);
            double sin2 = 0.5 * (1.0 - cosine), cos2 = 0.5 * (1.0 + cosine);
            double sine = sin2 > 0.0 ? sqrt(sin2) : 0.0;
            double rest = 1.0 - sine;
            if (rest > 0.0 && cos2 > 0.0) {
                double radius = sine / rest;
                double tangent = 0.25 * sine / sqrt(cos2);
                double bounds[4] = {radius * jda, radius * b[6], dv2 * tangent, b[7] * tangent};
                for (int i = 0; i < 4; i++)
                    if (bounds[i] < start2)
                        start2 = bounds[i];
            }
            mcr2 = start2 < b[8] ? start2 : b[8];
        }
        b[0] = rx, b[1] = ry, b[2] = rz, b[3] = re, b[4] = c2, b[5] = start2 + dv2;
        b[6] = jda, b[7] = dv2, b[8] = mcr2 + mcr_dv2;
        k->has_before = 1;
    }
    if (k->start_s != 0.0) {
        k->sums[DWELL] += k->start_s;
        k->clock += k->start_s;
        k->start_s = 0.0;
        k->last_mark = k->offset;
        push_mark(k, k->offset, 0.0);
    }
    Move *m = &k->queue[k->length++];
    m->start2 = start2, m->c2 = c2, m->dv2 = dv2, m->mcr2 = mcr2, m->mcr_dv2 = mcr_dv2;
    m->distance = distance, m->accel = accel, m->e = e;
    m->offset = k->offset, m->key = k->key, m->motion = motion;
    if (k->length >= k->trigger)
        look(k);
}

/* Fills `starts` and `cruises` (-1: as the one before); how many moves are settled. */
static int backward(Kernel *k, int lazy)
{
    int settled = 0, waiting = 0;
    double next2 = 0.0, next_mcr2 = 0.0, peak = 0.0;
    k->starts[k->length] = 0.0;
    for (int i = k->length - 1; i >= 0; i--) {
        const Move *m = &k->queue[i];
        double reach = next2 + m->dv2;
        double start2 = reach < m->start2 ? reach : m->start2;
        double mcr_reach = next_mcr2 + m->mcr_dv2;
        waiting++;
        k->cruises[i] = -1.0;
        if (m->mcr2 < mcr_reach) {
            if (m->mcr2 + m->mcr_dv2 > next_mcr2 || waiting > 1) {
                if (lazy && peak != 0.0 && !settled)
                    settled = i + waiting;
                peak = (m->mcr2 + mcr_reach) * 0.5;
            }
            double cruise = (start2 + reach) * 0.5;
            if (m->c2 < cruise)
                cruise = m->c2;
            if (peak < cruise)
                cruise = peak;
            k->cruises[i] = cruise;
            waiting = 0;
            next_mcr2 = m->mcr2;
        } else {
            next_mcr2 = mcr_reach;
        }
        k->starts[i] = next2 = start2;
    }
    return settled;
}

static void push_mark(Kernel *k, int64_t offset, double clock)
{
    if (k->mark_count == k->mark_room) {
        size_t room = k->mark_room * 2 + 64;
        Mark *marks = PyMem_Realloc(k->marks, room * sizeof(Mark));
        if (marks == NULL) {
            k->out_of_memory = 1;
            return;
        }
        k->marks = marks;
        k->mark_room = room;
    }
    k->marks[k->mark_count].offset = offset;
    k->marks[k->mark_count++].clock = clock;
}

/* At the end of a line, whose last part took `time`; all of it belongs to that line. */
static void mark(Kernel *k, int64_t offset, double time)
{
    if (k->clock < k->next_mark)
        return;
    if (time >= k->limits.mark_s && offset - 1 > k->last_mark)
        push_mark(k, offset - 1, k->clock - time);
    k->last_mark = offset;
    push_mark(k, offset, k->clock);
    if (k->mark_count >= WAITING_MARKS_LIMIT) {
        size_t kept = 0;
        for (size_t i = 0; i < k->mark_count; i += 2)
            k->marks[kept++] = k->marks[i];
        k->mark_count = kept;
        k->limits.mark_s *= 2.0;
    }
    k->next_mark = k->clock + k->limits.mark_s;
}

static int same_key(const Key *a, const Key *b)
{
    return a->height == b->height && a->layer == b->layer && a->kind == b->kind
           && a->object == b->object && a->tool == b->tool && a->sequence == b->sequence;
}

static void emit(Kernel *k)
{
    int any = 0;
    for (int i = 0; i < SUMS; i++)
        any |= k->sums[i] != 0.0;
    if (!any)
        return;
    if (k->segment_count == k->segment_room) {
        size_t room = k->segment_room * 2 + 64;
        Segment *segments = PyMem_Realloc(k->segments, room * sizeof(Segment));
        if (segments == NULL) {
            k->out_of_memory = 1;
            return;
        }
        k->segments = segments;
        k->segment_room = room;
    }
    Segment *s = &k->segments[k->segment_count++];
    s->key = k->segment_key;
    memcpy(s->sums, k->sums, sizeof(s->sums));
    memset(k->sums, 0, sizeof(k->sums));
}

void queue_switch(Kernel *k, const Key *key)
{
    if (k->has_key)
        emit(k);
    k->has_key = key != NULL;
    if (key != NULL)
        k->segment_key = *key;
}

static void forward(Kernel *k, int count)
{
    double before = k->carry, *sums = k->sums;
    for (int i = 0; i < count; i++) {
        const Move *m = &k->queue[i];
        double start2 = k->starts[i], end2 = k->starts[i + 1], cruise2 = k->cruises[i];
        if (cruise2 < 0.0)
            cruise2 = before < start2 ? before : start2;
        before = cruise2;
        if (cruise2 < start2)
            start2 = cruise2;
        if (cruise2 < end2)
            end2 = cruise2;
        double half = 0.5 / m->accel;
        double up = (cruise2 - start2) * half, down = (cruise2 - end2) * half;
        double cruise_v = sqrt(cruise2);
        double up_t = up / ((sqrt(start2) + cruise_v) * 0.5);
        double cruise_t = (m->distance - up - down) / cruise_v;
        double down_t = down / ((sqrt(end2) + cruise_v) * 0.5);
        double time = up_t + cruise_t + down_t;
        k->clock += time;
        if (!k->has_key
            || (k->segment_count < SEGMENTS_LIMIT && !same_key(&k->segment_key, &m->key)))
            queue_switch(k, &m->key);
        sums[0] += 1.0;
        sums[1] += time;
        sums[2] += up_t;
        sums[3] += cruise_t;
        sums[4] += down_t;
        sums[5 + m->motion] += time;
        sums[9] += m->e;
        if (m->motion != EXTRUDE_ONLY) {
            sums[8] += m->distance;
            if (cruise2 > k->max_speed2)
                k->max_speed2 = cruise2;
            if (m->motion == OUTPUT && m->e > k->max_flow * time)
                k->max_flow = m->e / time;
        }
        mark(k, m->offset, time);
    }
    if (count)
        k->carry = before;
    k->length -= count;
    memmove(k->queue, k->queue + count, (size_t)k->length * sizeof(Move));
}

static void look(Kernel *k)
{
    int settled = backward(k, 1);
    if (!settled && k->length >= QUEUE_LIMIT) {
        int half = k->length / 2;
        double end2 = k->starts[half];
        forward(k, half);
        if (k->carry < end2)
            end2 = k->carry;
        Move *head = &k->queue[0];
        head->start2 = end2;
        if (end2 < head->mcr2)
            head->mcr2 = end2;
    } else {
        forward(k, settled);
    }
    int trigger = 2 * k->length;
    k->trigger = trigger < FLUSH_MOVES ? FLUSH_MOVES : trigger > QUEUE_LIMIT ? QUEUE_LIMIT : trigger;
}

void queue_stop(Kernel *k)
{
    if (k->length) {
        backward(k, 0);
        forward(k, k->length);
    }
    k->has_before = 0;
    k->carry = 0.0;
    k->trigger = FLUSH_MOVES;
}

void queue_wait(Kernel *k, double seconds)
{
    queue_stop(k);
    queue_switch(k, &k->key);
    k->clock += seconds;
    k->sums[DWELL] += seconds;
    mark(k, k->offset, seconds);
}
