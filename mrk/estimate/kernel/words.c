/* Words and numbers of a line, and tables of names; see ../words.py. */
#include "kernel.h"

#define NUMBER_LIMIT 1e9
#define DIGITS_LIMIT 40
#define EXACT 9007199254740992ULL /* 2^53: integers below are doubles, and quotients are rounded once */

static const double POWERS[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

int is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int slow_number(const char *text, int length, double *value)
{
    char copy[NAME_BYTES + 1];
    memcpy(copy, text, (size_t)length);
    copy[length] = 0;
    *value = PyOS_string_to_double(copy, NULL, NULL);
    if (*value == -1.0 && PyErr_Occurred()) {
        PyErr_Clear();
        return 0;
    }
    return fabs(*value) <= NUMBER_LIMIT;
}

int read_number(const char *text, int length, double *value)
{
    const char *at = text, *end = text + length;
    uint64_t mantissa = 0;
    int whole = 0, fraction = 0, exact = 1, negative = 0;
    if (length > NAME_BYTES)
        return 0;
    if (at < end && (*at == '-' || *at == '+'))
        negative = *at++ == '-';
    for (; at < end && *at >= '0' && *at <= '9'; at++, whole++) {
        exact &= mantissa < EXACT / 16;
        mantissa = mantissa * 10 + (uint64_t)(*at - '0');
    }
    if (at < end && *at == '.')
        for (at++; at < end && *at >= '0' && *at <= '9'; at++, fraction++) {
            exact &= mantissa < EXACT / 16;
            mantissa = mantissa * 10 + (uint64_t)(*at - '0');
        }
    if (at != end || whole + fraction == 0 || whole > DIGITS_LIMIT || fraction > DIGITS_LIMIT)
        return 0;
    if (!exact || fraction > 22)
        return slow_number(text, length, value);
    double found = (double)mantissa / POWERS[fraction];
    *value = negative ? -found : found;
    return found <= NUMBER_LIMIT;
}

int read_parameter(const Parameters *p, char letter, double *value)
{
    int i = letter - 'A';
    if (!(p->present >> i & 1))
        return -1;
    return read_number(p->text[i], p->length[i], value);
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

/* The last `key=value` of an extended command's line; without quotes, cut to the buffer. */
int read_named(const char *line, int length, const char *key, Name *value)
{
    int at = 0, found = -1, key_length = (int)strlen(key), end = 0;
    while (end < length && line[end] != '#' && line[end] != '*' && line[end] != ';')
        end++;
    while (at < end) {
        char quote = 0;
        int begin = at, equals = -1;
        if (is_blank(line[at])) {
            at++;
            continue;
        }
        for (; at < end && (quote || !is_blank(line[at])); at++) {
            if (line[at] == '=' && equals < 0)
                equals = at;
            if (quote ? line[at] == quote : line[at] == '"' || line[at] == '\'')
                quote = quote ? 0 : line[at];
        }
        if (equals - begin != key_length)
            continue;
        int same = 1;
        for (int i = 0; i < key_length; i++)
            same &= upper(line[begin + i]) == key[i];
        if (!same)
            continue;
        found = 1;
        value->length = 0;
        value->count = 0; /* bytes, with those that did not fit */
        for (int i = equals + 1; i < at; i++)
            if (line[i] != '"' && line[i] != '\'') {
                if (value->length < NAME_BYTES)
                    value->text[value->length++] = line[i];
                value->count++;
            }
    }
    return found;
}

int read_named_number(const char *line, int length, const char *key, double *value)
{
    Name text;
    int found = read_named(line, length, key, &text);
    if (found < 0)
        return -1;
    return text.count <= NAME_BYTES && read_number(text.text, text.length, value);
}

void name_set(Name *name, const char *text, int length)
{
    name->length = length < NAME_BYTES ? length : NAME_BYTES;
    memcpy(name->text, text, (size_t)name->length);
    name->count = 0;
}

int name_is(const Name *name, const char *text)
{
    return (size_t)name->length == strlen(text) && !memcmp(name->text, text, strlen(text));
}

int name_find(const Names *names, const char *text, int length)
{
    if (length > NAME_BYTES)
        length = NAME_BYTES;
    for (int i = 0; i < names->count; i++)
        if (names->names[i].length == length
            && !memcmp(names->names[i].text, text, (size_t)length))
            return i;
    return -1;
}

/* The number of a name, which is added while there is room; -1 behind that. */
int name_number(Names *names, const char *text, int length)
{
    int found = name_find(names, text, length);
    if (found < 0 && names->count < names->limit) {
        found = names->count++;
        name_set(&names->names[found], text, length);
    }
    return found;
}
