/* Moves of the toolhead under a printer's limits; see ../motion.py. */
#include "kernel.h"

#define EXTRUDE_ONLY_ACCEL 99999999.9
#define LEAST_DISTANCE 0.000000001
#define SPIRAL_UM 100
#define HIGHEST 1e12

void motion_set_limits(Kernel *k)
{
    double corner2 = k->corner_velocity * k->corner_velocity;
    k->deviation = corner2 * (sqrt(2.0) - 1.0) / k->max_accel;
    k->mcr_accel = k->max_accel * (1.0 - k->cruise_ratio);
}

void motion_set_tool(Kernel *k, int tool)
{
    k->key.tool = tool;
    k->extruder = &k->extruders[tool < k->extruder_count ? tool : 0];
}

static void note(Kernel *k, double z, double dz, double de)
{
    if (z != k->last_z) {
        double bounded = z > HIGHEST ? HIGHEST : z < -HIGHEST ? -HIGHEST : z;
        k->last_z = z;
        k->z_um = (int64_t)floor(bounded * 1000.0 + 0.5);
    }
    k->key.height = dz != 0.0 ? MOVING : k->z_um;
    if (de > 0.0
        && (dz == 0.0 || k->key.layer == NO_LAYER || k->z_um >= k->key.layer + SPIRAL_UM))
        k->key.layer = k->z_um;
}

static double nearest_to_middle(double x, double y, double to_x, double to_y)
{
    double dx = to_x - x, dy = to_y - y;
    double along = dx * -x + dy * -y;
    double length = sqrt(dx * dx + dy * dy);
    if (along <= 0.0)
        return sqrt(x * x + y * y);
    if (along >= length * length)
        return sqrt(to_x * to_x + to_y * to_y);
    return fabs(dx * -y - dy * -x) / length;
}

static double slow_factor(const Kernel *k, double dx, double dy, double x, double y, double c2)
{
    const Numbers *l = &k->limits;
    double reach;
    if (l->slow_kind == SLOW_TURN) {
        double nearest = dx != 0.0 || dy != 0.0 ? nearest_to_middle(k->x, k->y, x, y) : 0.0;
        double turning = nearest != 0.0 ? sqrt(c2) / nearest : 0.0;
        return turning > l->slow_first ? l->slow_first / turning : 1.0;
    }
    if (l->slow_kind == SLOW_X) {
        reach = dx != 0.0 ? fmax(k->x * k->x, x * x) : 0.0;
    } else {
        reach = fmax(x * x + y * y, k->x * k->x + k->y * k->y);
    }
    if (reach > l->slow_second)
        return 0.25;
    return reach > l->slow_first ? 0.5 : 1.0;
}

typedef struct {
    double c2, accel;
} Speeds;

static void bound(Speeds *s, double velocity, double accel)
{
    double v2 = velocity * velocity;
    if (v2 < s->c2)
        s->c2 = v2;
    if (accel < s->accel)
        s->accel = accel;
}

static void extrude(Kernel *k, double de, double e, double speed)
{
    static const double nowhere[4] = {0.0, 0.0, 0.0, 0.0};
    double distance = fabs(de);
    double inverse = 1.0 / fabs(de * (1.0 / distance));
    Speeds s = {speed * speed, EXTRUDE_ONLY_ACCEL};
    bound(&s, k->extruder->max_velocity * inverse, k->extruder->max_accel * inverse);
    double dv2 = 2.0 * distance * s.accel;
    double mcr_dv2 = 2.0 * distance * k->mcr_accel;
    note(k, k->z, 0.0, 0.0);
    k->e = e;
    k->moves++;
    queue_add(k, nowhere, s.c2, dv2, mcr_dv2 < dv2 ? mcr_dv2 : dv2, s.accel, distance,
              EXTRUDE_ONLY, de);
}

void motion_to(Kernel *k, double x, double y, double z, double e, double speed)
{
    double dx = x - k->x, dy = y - k->y, dz = z - k->z, de = e - k->e;
    double distance = sqrt(dx * dx + dy * dy + dz * dz);
    if (distance < LEAST_DISTANCE) {
        if (de != 0.0)
            extrude(k, de, e, speed);
        return;
    }
    double inverse = 1.0 / distance;
    double re = de * inverse;
    if (speed > k->max_velocity)
        speed = k->max_velocity;
    Speeds s = {speed * speed, k->max_accel};
    if (dz != 0.0) {
        double ratio = k->limits.z_ratio != 0.0 ? distance / fabs(dz) : 1.0;
        double accel = k->limits.z_ratio != 0.0 ? k->limits.max_z_accel * ratio : s.accel;
        bound(&s, k->limits.max_z_velocity * ratio, accel);
    }
    if (k->limits.slow_kind != SLOW_NONE) {
        double factor = slow_factor(k, dx, dy, x, y, s.c2);
        if (factor < 1.0)
            bound(&s, k->limits.max_velocity * factor, k->limits.max_accel * factor);
    }
    if (re < 0.0 || (re != 0.0 && dx == 0.0 && dy == 0.0)) {
        double per_e = 1.0 / fabs(re);
        bound(&s, k->extruder->max_velocity * per_e, k->extruder->max_accel * per_e);
    }
    double dv2 = 2.0 * distance * s.accel;
    double mcr_dv2 = 2.0 * distance * k->mcr_accel;
    if (dv2 < mcr_dv2)
        mcr_dv2 = dv2;
    double direction[4] = {dx * inverse, dy * inverse, dz * inverse, re};
    note(k, z, dz, de);
    k->x = x, k->y = y, k->z = z, k->e = e;
    k->moves++;
    queue_add(k, direction, s.c2, dv2, mcr_dv2, s.accel, distance,
              de != 0.0 ? OUTPUT : TRAVEL, de);
}
