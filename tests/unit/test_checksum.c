/* SPDX-License-Identifier: MIT
 *
 * The checksums: published values, and that pieces of any size, whatever instructions they are hashed with, give what
 * the whole gives.
 */
#include "support.h"

#include <stdlib.h>

#include "checksum/checksum.h"

#define SIZE_MAX_HASHED ((size_t)300000)

static uint8_t *make_bytes(void)
{
    uint8_t *bytes = malloc(SIZE_MAX_HASHED + 1);
    uint32_t number = 2463534242u;

    assert_non_null(bytes);
    for (size_t i = 0; i <= SIZE_MAX_HASHED; i++) {
        number = number * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(number >> 24);
    }
    return bytes;
}

/* XXH3-128 and XXH64 of no bytes, seed 0, as xxHash's own documentation and sanity checks give them. */
static void test_published(void **state)
{
    static const uint8_t wanted[SJ_CHECKSUM_SIZE] = {0x99, 0xaa, 0x06, 0xd3, 0x01, 0x47, 0x98, 0xd8,
                                                     0x60, 0x01, 0xc3, 0x24, 0x46, 0x8d, 0x49, 0x7f};
    uint8_t got[SJ_CHECKSUM_SIZE];
    sj_checksum_state running;

    (void)state;
    sj_checksum(got, "", 0);
    assert_memory_equal(got, wanted, sizeof(wanted));
    sj_checksum_begin(&running);
    sj_checksum_end(&running, got);
    assert_memory_equal(got, wanted, sizeof(wanted));
    assert_int_equal(sj_checksum_zstd("", 0), 0x51D8E999u);
}

static void test_pieces(void **state)
{
    static const size_t pieces[] = {1, 63, 1024, 4095, 4096, 4097, 70001, SIZE_MAX_HASHED};
    uint8_t *bytes = make_bytes();

    (void)state;
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        for (size_t size = 0; size <= SIZE_MAX_HASHED; size = size * 3 + 1) {
            /* Also from an address that no vector is aligned to. */
            const uint8_t *from = bytes + (size & 1);
            uint8_t wanted[SJ_CHECKSUM_SIZE];
            uint8_t got[SJ_CHECKSUM_SIZE];
            sj_checksum_state running;
            sj_checksum(wanted, from, size);
            sj_checksum_begin(&running);
            for (size_t done = 0; done < size; done += pieces[i])
                sj_checksum_add(&running, from + done, size - done < pieces[i] ? size - done : pieces[i]);
            sj_checksum_end(&running, got);
            assert_memory_equal(got, wanted, sizeof(wanted));
        }
    }
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
