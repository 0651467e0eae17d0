/* What each command does; see ../planner.py and the second half of ../interpreter.py. */
#include "kernel.h"

#define LEAST 1e-6

static int positive(int there, double value)
{
    return there < 0 || (there > 0 && value >= LEAST);
}

static void begin_sequence(Kernel *k)
{
    queue_stop(k);
    if (k->moves > k->moves_before && k->key.sequence < SEQUENCES_LIMIT - 1) {
        k->moves_before = k->moves;
        k->key.sequence++;
    }
}

static void flush_steps(Kernel *k)
{
    queue_stop(k);
    if (k->fan_moves == k->moves) {
        k->fan_moves = -1;
        queue_wait(k, k->limits.fan_s);
    }
}

static int count_command(Kernel *k, const char *command, int length)
{
    int number = name_number(&k->commands, command, length);
    if (number >= 0)
        k->commands.names[number].count++;
    return 1;
}

static int wait_for(Kernel *k, const char *command, int length)
{
    count_command(k, command, length);
    begin_sequence(k);
    return 1;
}

static int select_tool(Kernel *k, int tool)
{
    if (tool == k->key.tool)
        return 1;
    flush_steps(k);
    if (k->extruder_count > 1) {
        k->state.flow = 1.0;
        k->state.base[3] = k->state.last[3];
    }
    motion_set_tool(k, tool);
    return 1;
}

static int set_fan(Kernel *k, double power)
{
    if (power != k->fan_power) {
        k->fan_power = power;
        k->fan_moves = k->moves;
    }
    return 1;
}

static int run_fan(Kernel *k, const Parameters *p)
{
    double value;
    int there = read_parameter(p, 'S', &value);
    if (!there)
        return 0;
    return set_fan(k, there < 0 ? 1.0 : fmin(1.0, fmax(0.0, value / 255.0)));
}

static int run_accel(Kernel *k, const Parameters *p)
{
    double accel, travel;
    int there = read_parameter(p, 'S', &accel);
    if (there < 0) {
        int has_print = read_parameter(p, 'P', &accel), has_travel = read_parameter(p, 'T', &travel);
        if (has_print <= 0 || has_travel <= 0 || travel < LEAST)
            return 0;
        if (accel >= LEAST && travel < accel)
            accel = travel;
        there = 1;
    }
    if (!there || accel < LEAST)
        return 0;
    k->max_accel = accel;
    motion_set_limits(k);
    return 1;
}

static int run_velocity_limit(Kernel *k, const char *line, int length)
{
    static const char *names[] = {"VELOCITY", "ACCEL", "ACCEL_TO_DECEL", "SQUARE_CORNER_VELOCITY",
                                  "MINIMUM_CRUISE_RATIO"};
    double v[5];
    int there[5];
    for (int i = 0; i < 5; i++) {
        there[i] = read_named_number(line, length, names[i], &v[i]);
        if (!there[i] || (i < 3 && !positive(there[i], v[i])) || (there[i] > 0 && v[i] < 0.0))
            return 0;
    }
    if (there[4] > 0 && v[4] >= 1.0)
        return 0;
    if (there[0] > 0)
        k->max_velocity = v[0];
    if (there[1] > 0)
        k->max_accel = v[1];
    if (there[3] > 0)
        k->corner_velocity = v[3];
    if (there[4] > 0)
        k->cruise_ratio = v[4];
    else if (there[2] > 0)
        k->cruise_ratio = 1.0 - fmin(1.0, v[2] / k->max_accel);
    motion_set_limits(k);
    return 1;
}

static int run_set_retraction(Kernel *k, const char *line, int length)
{
    static const char *names[] = {"RETRACT_LENGTH", "RETRACT_SPEED", "UNRETRACT_EXTRA_LENGTH",
                                  "UNRETRACT_SPEED"};
    Numbers *l = &k->limits;
    double *fields[4] = {&l->retract_length, &l->retract_speed, &l->unretract_extra,
                         &l->unretract_speed};
    double v[4];
    int there[4];
    for (int i = 0; i < 4; i++) {
        there[i] = read_named_number(line, length, names[i], &v[i]);
        if (!there[i] || (there[i] > 0 && v[i] < (i & 1 ? 1.0 : 0.0)))
            return 0;
    }
    for (int i = 0; i < 4; i++)
        if (there[i] > 0)
            *fields[i] = v[i];
    k->retracted = 0;
    return 1;
}

static void upper_name(Name *name)
{
    for (int i = 0; i < name->length; i++)
        if (name->text[i] >= 'a' && name->text[i] <= 'z')
            name->text[i] -= 32;
}

static void see_exclusion(Kernel *k)
{
    k->ignoring = name_find(&k->excluded, k->object.text, k->object.length) >= 0;
}

static int run_begin_object(Kernel *k, const char *line, int length)
{
    if (read_named(line, length, "NAME", &k->object) < 0)
        k->object.length = 0;
    upper_name(&k->object);
    int number = name_number(&k->objects, k->object.text, k->object.length);
    k->key.object = number < 0 ? 0 : number;
    see_exclusion(k);
    return 1;
}

static int run_end_object(Kernel *k)
{
    k->object.length = 0;
    k->key.object = 0;
    k->ignoring = 0;
    return 1;
}

static int run_exclude(Kernel *k, const char *line, int length)
{
    Name name, unused;
    Names *excluded = &k->excluded;
    if (read_named(line, length, "NAME", &name) < 0)
        name.length = 0;
    upper_name(&name);
    if (read_named(line, length, "RESET", &unused) > 0) {
        int at = name_find(excluded, name.text, name.length);
        if (!name.length)
            excluded->count = 0;
        else if (at >= 0)
            excluded->names[at] = excluded->names[--excluded->count];
    } else {
        if (read_named(line, length, "CURRENT", &unused) > 0)
            name = k->object;
        if (name.length)
            name_number(excluded, name.text, name.length);
    }
    see_exclusion(k);
    return 1;
}

static int run_activate(Kernel *k, const char *line, int length)
{
    Name name;
    int tool = 0;
    if (read_named(line, length, "EXTRUDER", &name) < 0)
        return 0;
    upper_name(&name);
    if (name.length < 8 || name.length > 10 || memcmp(name.text, "EXTRUDER", 8))
        return 0;
    for (int i = 8; i < name.length; i++) {
        if (name.text[i] < '0' || name.text[i] > '9')
            return 0;
        tool = tool * 10 + name.text[i] - '0';
    }
    return select_tool(k, tool);
}

static int run_dwell(Kernel *k, const Parameters *p)
{
    double ms = 0.0;
    int there = read_parameter(p, 'P', &ms);
    if (!there || ms < 0.0)
        return 0;
    queue_wait(k, there > 0 ? ms / 1000.0 : 0.0);
    return 1;
}

int add_time(Kernel *k, const char *text, int length)
{
    int begin = 0, end;
    double seconds;
    while (begin < length && is_blank(text[begin]))
        begin++;
    for (end = begin; end < length && !is_blank(text[end]);)
        end++;
    if (read_number(text + begin, end - begin, &seconds) <= 0 || seconds < 0.0)
        return 0;
    begin_sequence(k);
    queue_wait(k, seconds);
    return 1;
}

static int run_plane(Kernel *k, int alpha, int beta, int rise)
{
    k->axes[0] = alpha, k->axes[1] = beta, k->axes[2] = rise;
    return 1;
}

static int run_g(Kernel *k, int number, const Parameters *p)
{
    int arcs = k->limits.arc_mm > 0.0, retraction = k->limits.has_retraction != 0.0;
    switch (number) {
    case 0: case 1: return run_move(k, p);
    case 2: case 3: return arcs ? run_arc(k, p, number == 2) : -1;
    case 4: return run_dwell(k, p);
    case 10: case 11: return retraction ? run_retract(k, number == 11) : -1;
    case 17: return arcs ? run_plane(k, 0, 1, 2) : -1;
    case 18: return arcs ? run_plane(k, 0, 2, 1) : -1;
    case 19: return arcs ? run_plane(k, 1, 2, 0) : -1;
    case 28:
        wait_for(k, "G28", 3);
        flush_steps(k);
        return run_home(k, p);
    case 90: case 91: k->state.absolute = number == 90; return 1;
    case 92: return run_set_position(k, p);
    default: return -1;
    }
}

static int run_m(Kernel *k, int number, const Parameters *p)
{
    switch (number) {
    case 18: case 84: flush_steps(k); return 1;
    case 82: case 83: k->state.absolute_e = number == 82; return 1;
    case 106: return run_fan(k, p);
    case 107: return set_fan(k, 0.0);
    case 109: return wait_for(k, "M109", 4);
    case 190: return wait_for(k, "M190", 4);
    case 600: return wait_for(k, "M600", 4);
    case 204: return run_accel(k, p);
    case 220: case 221: return run_factor(k, p, number == 221);
    case 400: queue_stop(k); return 1;
    default: return -1;
    }
}

/* An extended command; -1: Klipper itself has none of this name that moves depend on. */
static int run_extended(Kernel *k, const Name *name, const char *line, int length)
{
    if (name_is(name, "SET_VELOCITY_LIMIT"))
        return run_velocity_limit(k, line, length);
    if (name_is(name, "EXCLUDE_OBJECT_START"))
        return run_begin_object(k, line, length);
    if (name_is(name, "EXCLUDE_OBJECT_END"))
        return run_end_object(k);
    if (name_is(name, "EXCLUDE_OBJECT"))
        return run_exclude(k, line, length);
    if (name_is(name, "SET_GCODE_OFFSET"))
        return run_set_offset(k, line, length);
    if (name_is(name, "SAVE_GCODE_STATE"))
        return run_save(k, line, length);
    if (name_is(name, "RESTORE_GCODE_STATE"))
        return run_restore(k, line, length);
    if (name_is(name, "ACTIVATE_EXTRUDER"))
        return run_activate(k, line, length);
    if (name_is(name, "TEMPERATURE_WAIT"))
        return wait_for(k, "TEMPERATURE_WAIT", 16);
    if (name_is(name, "SET_RETRACTION") && k->limits.has_retraction != 0.0)
        return run_set_retraction(k, line, length);
    return -1;
}

int run_command(Kernel *k, const char *command, int length, const Parameters *p,
                const char *line, int line_length)
{
    int number = 0, digits = 1, done = -1;
    for (int i = 1; i < length; i++) {
        digits &= command[i] >= '0' && command[i] <= '9';
        if (digits && i < 5)
            number = number * 10 + command[i] - '0';
    }
    /* Klipper knows no other spelling of a number than the shortest. */
    int numbered = digits && length > 1 && length <= 4 && (command[1] != '0' || length == 2);
    if (numbered && command[0] == 'G')
        done = run_g(k, number, p);
    else if (numbered && command[0] == 'M')
        done = run_m(k, number, p);
    else if (digits && command[0] == 'T' && length > 1 && length <= 3)
        return select_tool(k, number);
    else {
        Name name;
        name_set(&name, command, length);
        done = length <= NAME_BYTES ? run_extended(k, &name, line, line_length) : -1;
    }
    return done < 0 ? count_command(k, command, length) : done;
}
