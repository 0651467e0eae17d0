/* The Python type `mrk.estimate._kernel.Planner`; it takes what kernel_choice.py packs. */
#include "kernel.h"

typedef struct {
    PyObject_HEAD
    Kernel *kernel;
} Planner;

static void release(Kernel *k)
{
    if (k == NULL)
        return;
    PyMem_Free(k->queue);
    PyMem_Free(k->starts);
    PyMem_Free(k->cruises);
    PyMem_Free(k->rest);
    PyMem_Free(k->kinds.names);
    PyMem_Free(k->objects.names);
    PyMem_Free(k->commands.names);
    PyMem_Free(k->excluded.names);
    PyMem_Free(k->segments);
    PyMem_Free(k->marks);
    PyMem_Free(k);
}

static int make_names(Names *names, int limit)
{
    names->limit = limit;
    names->names = PyMem_Calloc((size_t)limit, sizeof(Name));
    return names->names != NULL;
}

static Kernel *make(const Numbers *limits, const double *extruders)
{
    Kernel *k = PyMem_Calloc(1, sizeof(Kernel));
    if (k == NULL)
        return NULL;
    k->queue = PyMem_Malloc(QUEUE_LIMIT * sizeof(Move));
    k->starts = PyMem_Malloc((QUEUE_LIMIT + 1) * sizeof(double));
    k->cruises = PyMem_Malloc(QUEUE_LIMIT * sizeof(double));
    k->rest = PyMem_Malloc(LINE_LIMIT_BYTES);
    if (!k->queue || !k->starts || !k->cruises || !k->rest || !make_names(&k->kinds, KINDS_LIMIT)
        || !make_names(&k->objects, OBJECTS_LIMIT) || !make_names(&k->commands, COMMANDS_LIMIT)
        || !make_names(&k->excluded, OBJECTS_LIMIT)) {
        release(k);
        return NULL;
    }
    k->limits = *limits;
    k->extruder_count = (int)limits->extruder_count;
    memcpy(k->extruders, extruders, (size_t)k->extruder_count * sizeof(Extruder));
    k->state.speed = 25.0, k->state.factor = 1.0 / 60.0, k->state.flow = 1.0;
    k->state.absolute = 1, k->state.absolute_e = limits->relative_e == 0.0;
    memcpy(k->state.last, limits->home, sizeof(limits->home));
    k->x = limits->home[0], k->y = limits->home[1], k->z = limits->home[2];
    k->axes[1] = 1, k->axes[2] = 2;
    name_number(&k->kinds, "Other", 5);
    name_number(&k->objects, "", 0);
    k->fan_moves = -1;
    k->key.height = MOVING, k->key.layer = NO_LAYER;
    k->max_velocity = limits->max_velocity, k->max_accel = limits->max_accel;
    k->corner_velocity = limits->corner_velocity, k->cruise_ratio = limits->cruise_ratio;
    k->last_z = NAN;
    k->start_s = limits->start_s;
    k->trigger = FLUSH_MOVES;
    motion_set_tool(k, 0);
    motion_set_limits(k);
    return k;
}

static int exclude_all(Kernel *k, PyObject *excluded)
{
    Py_ssize_t count = PyTuple_Size(excluded);
    for (Py_ssize_t i = 0; i < count; i++) {
        char *text;
        Py_ssize_t length;
        if (PyBytes_AsStringAndSize(PyTuple_GetItem(excluded, i), &text, &length) < 0)
            return 0;
        name_number(&k->excluded, text, length > NAME_BYTES ? NAME_BYTES : (int)length);
    }
    return count >= 0;
}

static PyObject *planner_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    const char *packed;
    Py_ssize_t length;
    PyObject *excluded;
    Numbers limits;
    (void)keywords;
    if (!PyArg_ParseTuple(args, "y#O!:Planner", &packed, &length, &PyTuple_Type, &excluded))
        return NULL;
    Py_ssize_t more = length - (Py_ssize_t)sizeof(Numbers);
    if (more >= (Py_ssize_t)sizeof(Extruder))
        memcpy(&limits, packed, sizeof(limits));
    if (more < (Py_ssize_t)sizeof(Extruder) || limits.extruder_count > EXTRUDERS_LIMIT
        || more != (Py_ssize_t)limits.extruder_count * (Py_ssize_t)sizeof(Extruder)) {
        PyErr_SetString(PyExc_ValueError, "limits are not packed as this kernel expects them");
        return NULL;
    }
    Extruder extruders[EXTRUDERS_LIMIT];
    memcpy(extruders, packed + sizeof(limits), (size_t)more);
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Planner *self = (Planner *)alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->kernel = make(&limits, &extruders[0].max_velocity);
    if (self->kernel == NULL) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    if (!exclude_all(self->kernel, excluded)) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static void planner_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    freefunc free_object = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(((Planner *)object)->kernel);
    free_object(object);
    Py_DECREF(type);
}

static PyObject *segment_tuple(const Segment *s)
{
    const double *v = s->sums;
    const Key *key = &s->key;
    return Py_BuildValue("(iiiLLiddddddddddd)", key->kind, key->object, key->tool,
                         (long long)key->height, (long long)key->layer, key->sequence, v[0], v[1],
                         v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9], v[10]);
}

static PyObject *take(Kernel *k)
{
    queue_switch(k, NULL);
    if (k->out_of_memory)
        return PyErr_NoMemory();
    PyObject *segments = PyList_New((Py_ssize_t)k->segment_count);
    PyObject *marks = PyList_New((Py_ssize_t)k->mark_count);
    int good = segments != NULL && marks != NULL;
    for (size_t i = 0; good && i < k->segment_count; i++) {
        PyObject *item = segment_tuple(&k->segments[i]);
        good = item != NULL && !PyList_SetItem(segments, (Py_ssize_t)i, item);
    }
    for (size_t i = 0; good && i < k->mark_count; i++) {
        PyObject *item = Py_BuildValue("(Ld)", (long long)k->marks[i].offset, k->marks[i].clock);
        good = item != NULL && !PyList_SetItem(marks, (Py_ssize_t)i, item);
    }
    k->segment_count = k->mark_count = 0;
    if (good)
        return Py_BuildValue("(NN)", segments, marks);
    Py_XDECREF(segments);
    Py_XDECREF(marks);
    return NULL;
}

static PyObject *planner_feed(PyObject *self, PyObject *data)
{
    char *text;
    Py_ssize_t length;
    if (PyBytes_AsStringAndSize(data, &text, &length) < 0)
        return NULL;
    kernel_feed(((Planner *)self)->kernel, text, (size_t)length);
    return take(((Planner *)self)->kernel);
}

static PyObject *planner_finish(PyObject *self, PyObject *unused)
{
    (void)unused;
    kernel_finish(((Planner *)self)->kernel);
    return take(((Planner *)self)->kernel);
}

static PyObject *planner_peaks(PyObject *self, PyObject *unused)
{
    const Kernel *k = ((Planner *)self)->kernel;
    (void)unused;
    return Py_BuildValue("(dd)", sqrt(k->max_speed2), k->max_flow);
}

static PyObject *name_list(const Names *names)
{
    PyObject *list = PyList_New(names->count);
    for (int i = 0; list != NULL && i < names->count; i++) {
        PyObject *text = PyBytes_FromStringAndSize(names->names[i].text, names->names[i].length);
        if (text == NULL || PyList_SetItem(list, i, text) < 0) {
            Py_DECREF(list);
            return NULL;
        }
    }
    return list;
}

static PyObject *count_dict(const Names *names)
{
    PyObject *counts = PyDict_New();
    for (int i = 0; counts != NULL && i < names->count; i++) {
        const Name *name = &names->names[i];
        PyObject *text = PyBytes_FromStringAndSize(name->text, name->length);
        PyObject *count = PyLong_FromLongLong(name->count);
        int good = text != NULL && count != NULL && !PyDict_SetItem(counts, text, count);
        Py_XDECREF(text);
        Py_XDECREF(count);
        if (!good) {
            Py_DECREF(counts);
            return NULL;
        }
    }
    return counts;
}

static PyObject *planner_names(PyObject *self, PyObject *unused)
{
    const Kernel *k = ((Planner *)self)->kernel;
    (void)unused;
    PyObject *kinds = name_list(&k->kinds);
    PyObject *objects = kinds != NULL ? name_list(&k->objects) : NULL;
    PyObject *commands = objects != NULL ? count_dict(&k->commands) : NULL;
    if (commands != NULL)
        return Py_BuildValue("(NNN)", kinds, objects, commands);
    Py_XDECREF(kinds);
    Py_XDECREF(objects);
    return NULL;
}

static PyObject *get_clock(PyObject *self, void *unused)
{
    (void)unused;
    return PyFloat_FromDouble(((Planner *)self)->kernel->clock);
}

static PyObject *get_bad_lines(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromLongLong(((Planner *)self)->kernel->bad_lines);
}

static PyMethodDef methods[] = {
    {"feed", planner_feed, METH_O, "Take a piece of the file; what was planned meanwhile."},
    {"finish", planner_finish, METH_NOARGS, "The file ends here; the rest of the plan."},
    {"peaks", planner_peaks, METH_NOARGS, "Highest speed, and highest flow of filament."},
    {"names", planner_names, METH_NOARGS, "Kinds, objects, and counts of unknown commands."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef values[] = {
    {"clock", get_clock, NULL, "Seconds planned so far.", NULL},
    {"bad_lines", get_bad_lines, NULL, "Lines that Klipper would refuse.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, planner_new},       {Py_tp_dealloc, planner_dealloc}, {Py_tp_methods, methods},
    {Py_tp_getset, values},         {0, NULL},
};

static PyType_Spec spec = {"mrk.estimate._kernel.Planner", sizeof(Planner), 0, Py_TPFLAGS_DEFAULT,
                           slots};

static int fill(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &spec, NULL);
    if (type == NULL)
        return -1;
    int done = PyModule_AddObjectRef(module, "Planner", type);
    Py_DECREF(type);
    return done < 0 ? done : PyModule_AddIntConstant(module, "RESULTS", RESULTS);
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, fill}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_kernel", "Plans g-code files as Klipper does.", 0, NULL,
    module_slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__kernel(void)
{
    return PyModuleDef_Init(&definition);
}
