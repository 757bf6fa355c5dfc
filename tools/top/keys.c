/*
 * Decodes keys. Arrows and their like are escape sequences: "ESC [ A", "ESC O
 * A", or "ESC [ 5 ~".
 */
#include "config.h"

#include "tools/top/keys.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

enum {
    ESCAPE = 27,
    REST_MS = 20 /* until the rest of a sequence has come */
};

/* Read a byte if it is there within some time. Returns -1 if it is not, and -2
 * at the end of the input. */
static int next_byte(int timeout_ms)
{
    unsigned char byte;
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&input, 1, timeout_ms) <= 0)
        return -1;
    ssize_t got = read(STDIN_FILENO, &byte, 1);
    if (got == 1)
        return byte;
    return got < 0 && (errno == EINTR || errno == EAGAIN) ? -1 : -2;
}

/* Decode the end of a sequence, and the number before it. */
static int decode(int last, int number)
{
    static const struct {
        int last, number, key;
    } known[] = {
        {'A', 0, KEYS_UP},      {'B', 0, KEYS_DOWN},      {'C', 0, KEYS_RIGHT},
        {'D', 0, KEYS_LEFT},    {'H', 0, KEYS_HOME},      {'F', 0, KEYS_END},
        {'~', 5, KEYS_PAGE_UP}, {'~', 6, KEYS_PAGE_DOWN}, {'~', 1, KEYS_HOME},
        {'~', 7, KEYS_HOME},    {'~', 4, KEYS_END},       {'~', 8, KEYS_END},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].last == last && (last != '~' || known[i].number == number))
            return known[i].key;
    }
    return KEYS_OTHER;
}

int keys_next(void)
{
    int byte = next_byte(0);
    if (byte != ESCAPE)
        return byte == -1 ? KEYS_NONE : byte == -2 ? KEYS_END_OF_INPUT : byte;
    byte = next_byte(REST_MS);
    if (byte != '[' && byte != 'O')
        return byte == -1 ? KEYS_ESCAPE : KEYS_OTHER;
    int number = 0;
    for (;;) {
        byte = next_byte(REST_MS);
        bool is_digit = byte >= '0' && byte <= '9';
        if (is_digit)
            number = number % 100 * 10 + byte - '0';
        else if (byte != ';')
            return byte < 0 ? KEYS_OTHER : decode(byte, number);
    }
}
