/* Coordinates, offsets, factors, arcs and retraction; see ../interpreter.py and ../arcs.py. */
#include "kernel.h"

#define LEAST 1e-6
#define CHORDS_LIMIT 100000.0
static const char AXES[] = "XYZE";

static void go(Kernel *k, double speed)
{
    const double *last = k->state.last;
    if (k->ignoring && (double)k->offset > k->limits.excluded_from) {
        k->e = last[3];
        return;
    }
    motion_to(k, last[0], last[1], last[2], last[3], speed);
}

int straight(Kernel *k, const double *xyz[3], const double *e, const double *f)
{
    State *s = &k->state;
    if (f != NULL) {
        if (*f < LEAST)
            return 0;
        s->speed = *f * s->factor;
    }
    for (int axis = 0; axis < 3; axis++)
        if (xyz[axis] != NULL)
            s->last[axis] = s->absolute ? *xyz[axis] + s->base[axis]
                                        : s->last[axis] + *xyz[axis];
    if (e != NULL) {
        double value = *e * s->flow;
        s->last[3] = s->absolute && s->absolute_e ? value + s->base[3] : s->last[3] + value;
    }
    go(k, s->speed);
    return 1;
}

int run_move(Kernel *k, const Parameters *p)
{
    static const char names[] = "XYZEF";
    double values[5];
    const double *found[5];
    for (int i = 0; i < 5; i++) {
        int there = read_parameter(p, names[i], &values[i]);
        if (!there)
            return 0;
        found[i] = there > 0 ? &values[i] : NULL;
    }
    return straight(k, found, found[3], found[4]);
}

static int draw_arc(Kernel *k, const double start[3], const double target[3], const double middle[2],
                    int clockwise, const double *e, const double *f)
{
    int alpha = k->axes[0], beta = k->axes[1], rise_axis = k->axes[2];
    double p = -middle[0], q = -middle[1];
    double middle_p = start[alpha] - p, middle_q = start[beta] - q;
    double to_p = target[alpha] - middle_p, to_q = target[beta] - middle_q;
    double angle = atan2(p * to_q - q * to_p, p * to_p + q * to_q);
    State *s = &k->state;
    if (angle < 0.0)
        angle += 2.0 * 3.141592653589793;
    if (clockwise)
        angle -= 2.0 * 3.141592653589793;
    if (angle == 0.0 && start[alpha] == target[alpha] && start[beta] == target[beta])
        angle = 2.0 * 3.141592653589793;
    double rise = target[rise_axis] - start[rise_axis];
    double flat = sqrt(p * p + q * q) * angle;
    double length = sqrt(flat * flat + rise * rise);
    if (length >= CHORDS_LIMIT * k->limits.arc_mm)
        return 0;
    int count = (int)floor(length / k->limits.arc_mm);
    if (count < 1)
        count = 1;
    double e_base = e != NULL && s->absolute_e ? (s->last[3] - s->base[3]) / s->flow : 0.0;
    double step = e != NULL ? (*e - e_base) / count : 0.0;
    double turn = angle / count, lift = rise / count;
    for (int i = 1; i <= count; i++) {
        double point[3] = {target[0], target[1], target[2]};
        const double *ends[3] = {&point[0], &point[1], &point[2]};
        if (i < count) {
            double cosine = cos(i * turn), sine = sin(i * turn);
            point[alpha] = middle_p + (p * cosine - q * sine);
            point[beta] = middle_q + (p * sine + q * cosine);
            point[rise_axis] = start[rise_axis] + i * lift;
        }
        if (s->absolute_e)
            e_base += step;
        straight(k, ends, step == 0.0 ? NULL : s->absolute_e ? &e_base : &step, f);
    }
    return 1;
}

int run_arc(Kernel *k, const Parameters *p, int clockwise)
{
    double start[3], target[3], offsets[3], e, f, unused;
    State *s = &k->state;
    if (!s->absolute || read_parameter(p, 'R', &unused) >= 0)
        return 0;
    for (int axis = 0; axis < 3; axis++) {
        start[axis] = target[axis] = s->last[axis] - s->base[axis];
        offsets[axis] = 0.0;
        if (!read_parameter(p, "XYZ"[axis], &target[axis])
            || !read_parameter(p, "IJK"[axis], &offsets[axis]))
            return 0;
    }
    int has_e = read_parameter(p, 'E', &e), has_f = read_parameter(p, 'F', &f);
    double middle[2] = {offsets[k->axes[0]], offsets[k->axes[1]]};
    if (!has_e || !has_f || (has_f > 0 && f < LEAST) || (middle[0] == 0.0 && middle[1] == 0.0))
        return 0;
    return draw_arc(k, start, target, middle, clockwise, has_e > 0 ? &e : NULL,
                    has_f > 0 ? &f : NULL);
}

int run_retract(Kernel *k, int back)
{
    const Numbers *l = &k->limits;
    if (k->retracted != back)
        return 1;
    k->retracted = !back;
    double length = -l->retract_length, speed = l->retract_speed;
    if (back) {
        length = l->retract_length + l->unretract_extra;
        speed = l->unretract_speed;
    }
    length = rint(length * 1e5) / 1e5 * k->state.flow;
    k->state.last[3] += length;
    go(k, trunc(speed * 60.0) * k->state.factor);
    k->state.base[3] += length;
    return 1;
}

int run_home(Kernel *k, const Parameters *p)
{
    State *s = &k->state;
    int all = !(p->present & (7u << ('X' - 'A')));
    for (int axis = 0; axis < 3; axis++)
        if (all || p->present >> ("XYZ"[axis] - 'A') & 1) {
            s->last[axis] = k->limits.home[axis];
            s->base[axis] = s->homing[axis];
        }
    k->x = s->last[0], k->y = s->last[1], k->z = s->last[2];
    return 1;
}

int run_set_position(Kernel *k, const Parameters *p)
{
    State *s = &k->state;
    double values[4];
    int there[4], all = 1;
    for (int axis = 0; axis < 4; axis++) {
        there[axis] = read_parameter(p, AXES[axis], &values[axis]);
        if (!there[axis])
            return 0;
        all &= there[axis] < 0;
    }
    for (int axis = 0; axis < 4; axis++)
        if (all || there[axis] > 0) {
            double value = there[axis] > 0 ? values[axis] : 0.0;
            s->base[axis] = s->last[axis] - value * (axis == 3 ? s->flow : 1.0);
        }
    return 1;
}

int run_factor(Kernel *k, const Parameters *p, int flow)
{
    State *s = &k->state;
    double percent;
    int there = read_parameter(p, 'S', &percent);
    if (!there || (there > 0 && percent < LEAST))
        return 0;
    double factor = (there > 0 ? percent : 100.0) / 100.0;
    if (flow) {
        double value = (s->last[3] - s->base[3]) / s->flow;
        s->base[3] = s->last[3] - value * factor;
        s->flow = factor;
    } else {
        factor /= 60.0;
        s->speed = s->speed / s->factor * factor;
        s->factor = factor;
    }
    return 1;
}

/* MOVE and MOVE_SPEED; 0: refused. */
static int read_moves(const char *line, int length, int *moves, double *speed)
{
    double move = 0.0, given = 0.0;
    int there = read_named_number(line, length, "MOVE", &move);
    int has_speed = read_named_number(line, length, "MOVE_SPEED", &given);
    if (!there || !has_speed || (has_speed > 0 && given < LEAST))
        return 0;
    *moves = there > 0 && move != 0.0;
    if (has_speed > 0)
        *speed = given;
    return 1;
}

int run_set_offset(Kernel *k, const char *line, int length)
{
    static const char *more[] = {"X_ADJUST", "Y_ADJUST", "Z_ADJUST", "E_ADJUST"};
    State *s = &k->state;
    double shifts[4], value = 0.0, speed = s->speed;
    int moves;
    for (int axis = 0; axis < 4; axis++) {
        char name[2] = {AXES[axis], 0};
        double adjust = 0.0;
        int there = read_named_number(line, length, name, &value);
        int adjusts = read_named_number(line, length, more[axis], &adjust);
        if (!there || !adjusts)
            return 0;
        if (there < 0 && adjusts > 0)
            value = adjust + s->homing[axis];
        shifts[axis] = there > 0 || adjusts > 0 ? value - s->homing[axis] : 0.0;
    }
    if (!read_moves(line, length, &moves, &speed))
        return 0;
    for (int axis = 0; axis < 4; axis++) {
        s->base[axis] += shifts[axis];
        s->homing[axis] += shifts[axis];
        if (moves)
            s->last[axis] += shifts[axis];
    }
    if (moves)
        go(k, speed);
    return 1;
}

static int find_state(Kernel *k, const char *line, int length, Name *name)
{
    if (read_named(line, length, "NAME", name) < 0)
        name_set(name, "default", 7);
    Names names = {k->state_names, k->state_count, STATES_LIMIT};
    return name_find(&names, name->text, name->length);
}

int run_save(Kernel *k, const char *line, int length)
{
    Name name;
    int at = find_state(k, line, length, &name);
    if (at < 0) {
        if (k->state_count >= STATES_LIMIT)
            return 0;
        at = k->state_count++;
        k->state_names[at] = name;
    }
    k->states[at] = k->state;
    return 1;
}

int run_restore(Kernel *k, const char *line, int length)
{
    Name name;
    int at = find_state(k, line, length, &name), moves;
    if (at < 0)
        return 0;
    State saved = k->states[at];
    double last[4], speed = saved.speed;
    if (!read_moves(line, length, &moves, &speed))
        return 0;
    memcpy(last, k->state.last, sizeof(last));
    k->state = saved;
    memcpy(k->state.last, last, sizeof(last));
    k->state.base[3] += last[3] - saved.last[3];
    if (moves) {
        memcpy(k->state.last, saved.last, 3 * sizeof(double));
        go(k, speed);
    }
    return 1;
}
