/* The planner of g-code files in C: the same rules, in the same order of arithmetic, as
 * interpreter.py, motion.py and lookahead.py beside this folder, which say where they come from.
 * One `Kernel` plans one file; it is fed pieces of text and keeps what it planned until it is
 * taken. No I/O, no threads, no globals that change. Memory is bounded but for what waits to be
 * taken, which a piece of text bounds.
 */
#ifndef MRK_KERNEL_H
#define MRK_KERNEL_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { TRAVEL, OUTPUT, EXTRUDE_ONLY };
enum { SLOW_NONE, SLOW_RADIUS, SLOW_X, SLOW_TURN };
/* Grows with every change of what the planners give; the one in Python has the same number. */
#define RESULTS 2

#define MOVING (-((int64_t)1 << 62))
#define NO_LAYER (-((int64_t)1 << 62))
#define SUMS 11
#define DWELL 10
#define FLUSH_MOVES 512
#define QUEUE_LIMIT 8192
#define LINE_LIMIT_BYTES 65536
#define NAME_BYTES 64
#define KINDS_LIMIT 200
#define OBJECTS_LIMIT 1000
#define COMMANDS_LIMIT 200
#define SEQUENCES_LIMIT 1000
#define STATES_LIMIT 16
#define SEGMENTS_LIMIT 20000
#define WAITING_MARKS_LIMIT 20000
#define EXTRUDERS_LIMIT 16

typedef struct {
    int32_t kind, object, tool, sequence;
    int64_t height, layer;
} Key;

typedef struct {
    double start2, c2, dv2, mcr2, mcr_dv2, distance, accel, e;
    int64_t offset;
    Key key;
    int motion;
} Move;

typedef struct {
    Key key;
    double sums[SUMS];
} Segment;

typedef struct {
    int64_t offset;
    double clock;
} Mark;

typedef struct {
    char text[NAME_BYTES];
    int length;
    long long count;
} Name;

typedef struct {
    Name *names;
    int count, limit;
} Names;

typedef struct {
    double max_velocity, max_accel, corner_velocity;
} Extruder;

/* Numbers that Python packs for the constructor, in this order; `extruders` follow. */
typedef struct {
    double max_velocity, max_accel, cruise_ratio, corner_velocity, max_z_velocity, max_z_accel;
    double z_ratio, slow_kind, slow_first, slow_second, arc_mm;
    double has_retraction, retract_length, retract_speed, unretract_extra, unretract_speed;
    double home[3];
    double relative_e, mark_s, start_s, fan_s, excluded_from, extruder_count;
} Numbers;

typedef struct {
    double last[4], base[4], homing[4], speed, factor, flow;
    int absolute, absolute_e;
} State;

typedef struct {
    Numbers limits;
    Extruder extruders[EXTRUDERS_LIMIT];
    int extruder_count;
    /* Interpreter. */
    State state;
    int axes[3], retracted, ignoring;
    Name object;
    Name state_names[STATES_LIMIT];
    State states[STATES_LIMIT];
    int state_count;
    Names kinds, objects, commands, excluded;
    int64_t offset, moves_before, fan_moves;
    double fan_power;
    long long bad_lines;
    /* Motion. */
    double x, y, z, e;
    Key key;
    int64_t moves;
    double max_velocity, max_accel, corner_velocity, cruise_ratio, deviation, mcr_accel;
    const Extruder *extruder;
    double last_z;
    int64_t z_um;
    /* Look-ahead. */
    double clock, start_s, max_speed2, max_flow, next_mark, carry;
    int64_t last_mark;
    Move *queue;
    double *starts, *cruises;
    int length, trigger, has_before;
    double before[9];
    int has_key;
    Key segment_key;
    double sums[SUMS];
    /* To be taken. */
    Segment *segments;
    Mark *marks;
    size_t segment_count, segment_room, mark_count, mark_room;
    int out_of_memory;
    /* Text. */
    char *rest;
    size_t rest_length;
    int in_long_line, long_is_bad;
} Kernel;

/* A command's single-letter parameters: where each value stands in the line. */
typedef struct {
    const char *text[26];
    int length[26];
    uint32_t present;
} Parameters;

/* lookahead.c */
void queue_add(Kernel *k, const double direction[4], double c2, double dv2, double mcr_dv2,
               double accel, double distance, int motion, double e);
void queue_stop(Kernel *k);
void queue_wait(Kernel *k, double seconds);
void queue_switch(Kernel *k, const Key *key);

/* motion.c */
void motion_set_limits(Kernel *k);
void motion_set_tool(Kernel *k, int tool);
void motion_to(Kernel *k, double x, double y, double z, double e, double speed);

/* words.c; numbers: 1 if it is one, 0 if not, for optional ones -1 if it is not there. */
int read_number(const char *text, int length, double *value);
int read_parameter(const Parameters *p, char letter, double *value);
int read_named(const char *line, int length, const char *key, Name *value);
int read_named_number(const char *line, int length, const char *key, double *value);
int name_number(Names *names, const char *text, int length);
int name_find(const Names *names, const char *text, int length);
void name_set(Name *name, const char *text, int length);
int name_is(const Name *name, const char *text);
int is_blank(char c);

/* interpreter.c and commands.c; 0: a line that Klipper would refuse. */
int straight(Kernel *k, const double *xyz[3], const double *e, const double *f);
int run_command(Kernel *k, const char *command, int length, const Parameters *p,
                const char *line, int line_length);
int run_move(Kernel *k, const Parameters *p);
int run_arc(Kernel *k, const Parameters *p, int clockwise);
int run_retract(Kernel *k, int back);
int run_home(Kernel *k, const Parameters *p);
int run_set_position(Kernel *k, const Parameters *p);
int run_factor(Kernel *k, const Parameters *p, int flow);
int run_set_offset(Kernel *k, const char *line, int length);
int run_save(Kernel *k, const char *line, int length);
int run_restore(Kernel *k, const char *line, int length);
int add_time(Kernel *k, const char *text, int length);

/* text.c */
void kernel_feed(Kernel *k, const char *data, size_t length);
void kernel_finish(Kernel *k);

#endif
