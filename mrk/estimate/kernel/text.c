/* Pieces of text to lines, lines to commands; see ../planner.py. */
#include "kernel.h"

#define COMMAND_BYTES 96

/* 1: a letter or underline, of which a run is one word; 2: the star of a checksum. */
static int word_class(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ? 1 : c == '*' ? 2 : 0;
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

static int append(char *command, int used, const char *text, int length)
{
    for (int i = 0; i < length && used < COMMAND_BYTES; i++)
        command[used++] = upper(text[i]);
    return used;
}

/* Klipper's split: what stands before the first word, then words and what follows each. */
static int split(const char *line, int length, char *command, Parameters *p)
{
    int at = 0, used = 0, index = 0, numbered = 0;
    p->present = 0;
    while (at < length && !word_class(line[at]))
        at++;
    used = append(command, 0, line, at);
    while (at < length) {
        int word = at, kind = word_class(line[at]);
        do
            at++;
        while (kind == 1 && at < length && word_class(line[at]) == 1);
        int word_length = at - word, value = at;
        while (at < length && !word_class(line[at]))
            at++;
        if (index == 0 && used == 0 && word_length == 1 && upper(line[word]) == 'N')
            numbered = 1;
        else if (index == numbered) {
            used = append(command, used, line + word, word_length);
            used = append(command, used, line + value, at - value);
        }
        if (word_length == 1 && kind == 1 && line[word] != '_') {
            int letter = upper(line[word]) - 'A', end = at;
            while (value < end && is_blank(line[value]))
                value++;
            while (value < end && is_blank(line[end - 1]))
                end--;
            p->present |= 1u << letter;
            p->text[letter] = line + value;
            p->length[letter] = end - value;
        }
        index++;
    }
    while (used && is_blank(command[used - 1]))
        used--;
    return used;
}

static int begins(const char *line, int length, const char *mark)
{
    size_t size = strlen(mark);
    return (size_t)length >= size && !memcmp(line, mark, size) ? (int)size : 0;
}

static void comment(Kernel *k, const char *line, int length)
{
    static const char *marks[] = {";TYPE:", "; FEATURE: ", "; feature "};
    int at;
    for (int i = 0; i < 3; i++)
        if ((at = begins(line, length, marks[i])) > 0) {
            while (at < length && is_blank(line[at]))
                at++;
            int number = name_number(&k->kinds, line + at, length - at);
            k->key.kind = number < 0 ? 0 : number;
            return;
        }
    if ((at = begins(line, length, ";ESTIMATOR_ADD_TIME ")) > 0)
        k->bad_lines += !add_time(k, line + at, length - at);
}

static void run_line(Kernel *k, const char *line, int length)
{
    char command[COMMAND_BYTES];
    Parameters p;
    while (length && is_blank(line[0]))
        line++, length--;
    while (length && is_blank(line[length - 1]))
        length--;
    if (!length)
        return;
    if (line[0] == ';') {
        comment(k, line, length);
        return;
    }
    const char *cut = memchr(line, ';', (size_t)length);
    int used = split(line, cut != NULL ? (int)(cut - line) : length, command, &p);
    const char *begin = command;
    while (used && is_blank(*begin))
        begin++, used--;
    if (used)
        k->bad_lines += !run_command(k, begin, used, &p, line, length);
}

static void take_line(Kernel *k, const char *line, size_t length)
{
    if (k->in_long_line || length > LINE_LIMIT_BYTES) {
        k->bad_lines += k->in_long_line ? k->long_is_bad : line[0] != ';';
        k->in_long_line = 0;
    } else {
        run_line(k, line, (int)length);
    }
}

static void keep_rest(Kernel *k, const char *data, size_t length)
{
    if (!length)
        return;
    if (k->in_long_line || k->rest_length + length > LINE_LIMIT_BYTES) {
        if (!k->in_long_line) {
            k->in_long_line = 1;
            k->long_is_bad = (k->rest_length ? k->rest[0] : data[0]) != ';';
        }
        k->offset += (int64_t)(k->rest_length + length);
        k->rest_length = 0;
        return;
    }
    memcpy(k->rest + k->rest_length, data, length);
    k->rest_length += length;
}

void kernel_feed(Kernel *k, const char *data, size_t length)
{
    const char *end = data + length, *newline;
    while (data < end && (newline = memchr(data, '\n', (size_t)(end - data))) != NULL) {
        size_t size = (size_t)(newline - data);
        if (k->rest_length) {
            keep_rest(k, data, size);
            size_t whole = k->rest_length;
            k->rest_length = 0;
            k->offset += (int64_t)whole + 1;
            take_line(k, k->rest, whole);
        } else {
            k->offset += (int64_t)size + 1;
            take_line(k, data, size);
        }
        data = newline + 1;
    }
    keep_rest(k, data, (size_t)(end - data));
}

void kernel_finish(Kernel *k)
{
    if (k->in_long_line) {
        k->bad_lines += k->long_is_bad;
    } else if (k->rest_length) {
        k->offset += (int64_t)k->rest_length;
        run_line(k, k->rest, (int)k->rest_length);
    }
    k->rest_length = 0;
    k->in_long_line = 0;
    queue_stop(k);
}
