/* SPDX-License-Identifier: MIT
 *
 * zstd frames: the walk gives the same answer however its input is cut, and every rule has its diagnostic and place;
 * raw frames of every form are frames to zstd too; what is compressed here at any level passes the walk.
 */
#include "support.h"

#include <zstd.h>

#include "checksum/checksum.h"
#include "craft.h"

#define BASE UINT64_C(5000)
#define MIB ((size_t)1 << 20)

/* ---- frames by hand ---- */

typedef struct frame {
    uint8_t bytes[64];
    size_t size;
} frame;

static void put(frame *f, const void *bytes, size_t size)
{
    assert_true(f->size + size <= sizeof(f->bytes));
    memcpy(f->bytes + f->size, bytes, size);
    f->size += size;
}

static void put_le(frame *f, uint64_t value, size_t size)
{
    for (; size > 0; size--, value >>= 8)
        put(f, &(uint8_t){(uint8_t)value}, 1);
}

/* Magic, descriptor, window (or -1: single segment) and a content size of `size_size` bytes. */
static frame begin_frame(int window, uint64_t content, size_t size_size)
{
    static const uint8_t flags[9] = {0, 0, 1, 0, 2, 0, 0, 0, 3};
    frame f = {.size = 0};

    put_le(&f, 0xFD2FB528u, 4);
    put_le(&f, (uint64_t)flags[size_size] << 6 | (window < 0 ? 0x20u : 0) | 0x04, 1);
    if (window >= 0)
        put_le(&f, (uint64_t)window, 1);
    put_le(&f, size_size == 2 ? content - 256 : content, size_size);
    return f;
}

static void put_block(frame *f, unsigned type, uint32_t size, bool is_last)
{
    put_le(f, (uint64_t)size << 3 | type << 1 | is_last, 3);
}

/* A frame of one RLE block: `content` bytes in a few. */
static frame rle_frame(uint32_t content)
{
    frame f = begin_frame(-1, content, 4);

    put_block(&f, 1, content, true);
    put(&f, "x", 1);
    put_le(&f, 0, 4);
    return f;
}

/* ---- the walk in pieces ---- */

typedef struct outcome {
    snapjar_status status;
    snapjar_error err;
    uint64_t frame_count;
    uint64_t sizes[8];
} outcome;

static snapjar_status on_frame(void *state, uint64_t stored_size, snapjar_error *err)
{
    outcome *o = state;

    (void)err;
    if (o->frame_count < 8)
        o->sizes[o->frame_count] = stored_size;
    o->frame_count++;
    return SNAPJAR_OK;
}

/* Feeds `cut` bytes, then the rest in pieces of `step` (0: at once). Each piece is in a block of its own. */
static outcome walk(const uint8_t *bytes, size_t size, size_t cut, size_t step, uint64_t frame_size,
                    uint64_t content_size)
{
    outcome o = {.status = SNAPJAR_OK};
    sj_frame_walk walker;

    sj_frame_walk_init(&walker, frame_size, content_size, size, BASE);
    walker.on_frame = on_frame;
    walker.on_frame_state = &o;
    for (size_t at = 0; at < size && o.status == SNAPJAR_OK;) {
        size_t piece = at < cut ? cut : step ? step : size - at;
        if (piece > size - at)
            piece = size - at;
        blob copy = blob_copy(bytes + at, piece);
        o.status = sj_frame_walk_feed(&walker, copy.bytes, piece, &o.err);
        free(copy.bytes);
        at += piece;
    }
    if (o.status == SNAPJAR_OK)
        o.status = sj_frame_walk_finish(&walker, &o.err);
    return o;
}

static void assert_same(const outcome *a, const outcome *b)
{
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->frame_count, b->frame_count);
    assert_memory_equal(a->sizes, b->sizes, sizeof(a->sizes));
    if (a->status != SNAPJAR_OK) {
        assert_int_equal(a->err.diagnostic, b->err.diagnostic);
        assert_int_equal(a->err.offset, b->err.offset);
        assert_string_equal(a->err.message, b->err.message);
    }
}

/* Every cut in two, and pieces of 1 to 7 bytes, give what the whole gives. */
static outcome walk_all_ways(const uint8_t *bytes, size_t size, uint64_t frame_size, uint64_t content_size)
{
    outcome whole = walk(bytes, size, 0, 0, frame_size, content_size);

    for (size_t cut = 1; cut < size; cut++) {
        outcome cut_once = walk(bytes, size, cut, 0, frame_size, content_size);
        assert_same(&cut_once, &whole);
    }
    for (size_t step = 1; step < 8; step++) {
        outcome steps = walk(bytes, size, 0, step, frame_size, content_size);
        assert_same(&steps, &whole);
    }
    return whole;
}

static void expect_good(const frame *f, uint64_t frame_size, uint64_t content_size, uint64_t frame_count)
{
    outcome o = walk_all_ways(f->bytes, f->size, frame_size, content_size);

    if (o.status != SNAPJAR_OK)
        fail_msg("%s at %lld", o.err.message, (long long)(o.err.offset - BASE));
    assert_int_equal(o.frame_count, frame_count);
}

static void expect_bad(const frame *f, uint64_t frame_size, uint64_t content_size, snapjar_diagnostic diagnostic,
                       uint64_t offset)
{
    outcome o = walk_all_ways(f->bytes, f->size, frame_size, content_size);
    sj_frame_walk walker;

    assert_fault(o.status, &o.err, SNAPJAR_DAMAGED, diagnostic, SNAPJAR_SPACE_FILE, BASE + offset);
    sj_frame_walk_init(&walker, frame_size, content_size, f->size, BASE);
    snapjar_status status = sj_frame_walk_feed(&walker, f->bytes, f->size, NULL);
    if (status == SNAPJAR_OK)
        status = sj_frame_walk_finish(&walker, NULL);
    assert_int_equal(status, SNAPJAR_DAMAGED);
}

static void append_frame(frame *to, const frame *from)
{
    put(to, from->bytes, from->size);
}

static void test_frames_in_a_row(void **state)
{
    frame full = rle_frame(65536);
    frame rest = rle_frame(100);
    frame two = full;

    (void)state;
    expect_good(&rest, 65536, 100, 1);
    expect_good(&full, 65536, 65536, 1);
    append_frame(&two, &rest);
    expect_good(&two, 65536, 65636, 2);
    outcome o = walk(two.bytes, two.size, 0, 0, 65536, 65636);
    assert_int_equal(o.sizes[0], full.size);
    assert_int_equal(o.sizes[1], rest.size);
    /* Another order, another number, another size. */
    frame swapped = rest;
    append_frame(&swapped, &full);
    expect_bad(&swapped, 65536, 65636, SNAPJAR_DIAG_FRAME_CONTENT_SIZE, 0);
    expect_bad(&two, 65536, 65635, SNAPJAR_DIAG_FRAME_CONTENT_SIZE, full.size);
    expect_bad(&two, 65536, 65637, SNAPJAR_DIAG_FRAME_CONTENT_SIZE, full.size);
    expect_bad(&two, 131072, 65636, SNAPJAR_DIAG_FRAME_CONTENT_SIZE, 0);
    expect_bad(&two, 65536, 65536, SNAPJAR_DIAG_STORED_SIZE_MISMATCH, full.size);
    expect_bad(&full, 65536, 65537, SNAPJAR_DIAG_STORED_SIZE_MISMATCH, full.size);
    frame none = {.size = 0};
    expect_bad(&none, 65536, 1, SNAPJAR_DIAG_STORED_SIZE_MISMATCH, 0);
}

static void test_cut_frames(void **state)
{
    frame two = rle_frame(65536);
    frame rest = rle_frame(9);

    (void)state;
    append_frame(&two, &rest);
    for (size_t size = 0; size < two.size; size++) {
        frame cut = two;
        cut.size = size;
        expect_bad(&cut, 65536, 65545, SNAPJAR_DIAG_STORED_SIZE_MISMATCH, size);
    }
    for (size_t more = 1; more < 5; more++) {
        frame longer = two;
        put_le(&longer, 0xFD2FB528u, more);
        expect_bad(&longer, 65536, 65545, SNAPJAR_DIAG_STORED_SIZE_MISMATCH, two.size);
    }
}

static void test_magics(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 256; i++) {
        frame f = rle_frame(65536);
        size_t start = f.size;
        uint32_t magic = 0x184D2A00u + i;
        frame other = rle_frame(9);
        sj_write_le32(other.bytes, magic);
        append_frame(&f, &other);
        expect_bad(&f, 65536, 65545, i >= 0x50 && i < 0x60 ? SNAPJAR_DIAG_FRAME_FOREIGN : SNAPJAR_DIAG_FRAME_INVALID,
                   start);
        sj_write_le32(f.bytes + start, 0xFD2FB500u + i);
        if (i == 0x28)
            expect_good(&f, 65536, 65545, 2);
        else
            expect_bad(&f, 65536, 65545,
                       i >= 0x22 && i < 0x28 ? SNAPJAR_DIAG_FRAME_FOREIGN : SNAPJAR_DIAG_FRAME_INVALID, start);
    }
}

/* All 256 descriptors: what each demands, in the order of checks. */
static void test_descriptors(void **state)
{
    (void)state;
    for (unsigned descriptor = 0; descriptor < 256; descriptor++) {
        static const size_t sizes[4] = {0, 2, 4, 8};
        bool is_single = descriptor & 0x20;
        size_t size_size = sizes[descriptor >> 6] ? sizes[descriptor >> 6] : is_single ? 1 : 0;
        uint64_t content = size_size == 1 ? 200 : 300;
        frame f = begin_frame(is_single ? -1 : 0, content, size_size);
        f.bytes[4] = (uint8_t)descriptor;
        put_block(&f, 1, (uint32_t)content, true);
        put_le(&f, 0, 5);
        if (descriptor & 0x08)
            expect_bad(&f, 65536, content, SNAPJAR_DIAG_FRAME_INVALID, 4);
        else if (descriptor & 0x03 || !(descriptor & 0x04) || !size_size)
            expect_bad(&f, 65536, content, SNAPJAR_DIAG_FRAME_FLAGS, 0);
        else
            expect_good(&f, 65536, content, 1); /* 0x10 is the unused bit, which decoders ignore */
    }
}

static void test_content_sizes(void **state)
{
    static const struct {
        size_t size_size;
        uint64_t content;
    } cases[] = {{1, 1}, {1, 255}, {2, 256}, {2, 65791}, {4, 1}, {4, 65791}, {8, 1}, {8, 65536}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        frame f = begin_frame(-1, cases[i].content, cases[i].size_size);
        uint64_t content = cases[i].content;
        put_block(&f, 1, (uint32_t)content, true);
        put_le(&f, 0, 5);
        expect_good(&f, 8 * MIB, content, 1);
        expect_bad(&f, 8 * MIB, content + 1, SNAPJAR_DIAG_FRAME_CONTENT_SIZE, 0);
        expect_bad(&f, 8 * MIB, content + 256, SNAPJAR_DIAG_FRAME_CONTENT_SIZE, 0);
        if (content > 1)
            expect_bad(&f, 8 * MIB, content - 1, SNAPJAR_DIAG_FRAME_CONTENT_SIZE, 0);
    }
    /* A content size whose low half is right, and an empty frame. */
    frame f = begin_frame(-1, (UINT64_C(1) << 32) + 5, 8);
    expect_bad(&f, 8 * MIB, 5, SNAPJAR_DIAG_FRAME_CONTENT_SIZE, 0);
    f = begin_frame(-1, 0, 1);
    put_block(&f, 0, 0, true);
    put_le(&f, 0, 4);
    expect_bad(&f, 8 * MIB, 5, SNAPJAR_DIAG_FRAME_CONTENT_SIZE, 0);
}

static void test_windows(void **state)
{
    (void)state;
    for (int descriptor = 0; descriptor < 256; descriptor++) {
        uint64_t base = UINT64_C(1) << (10 + (descriptor >> 3));
        uint64_t window = base + base / 8 * (unsigned)(descriptor & 7);
        frame f = begin_frame(descriptor, 1000, 4);
        put_block(&f, 1, 1000, true);
        put_le(&f, 0, 5);
        if (window <= 8 * MIB)
            expect_good(&f, 65536, 1000, 1);
        else
            expect_bad(&f, 65536, 1000, SNAPJAR_DIAG_WINDOW_TOO_LARGE, 0);
    }
}

static void test_blocks(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 4; type++) {
        for (uint32_t size = 1023; size <= 1025; size++) {
            frame f = begin_frame(0, 2000, 4); /* a window of 1 KiB */
            size_t block_at = f.size;
            put_block(&f, type, size, false);
            if (type == 3)
                expect_bad(&f, 65536, 2000, SNAPJAR_DIAG_FRAME_INVALID, block_at);
            else if (size > 1024)
                expect_bad(&f, 65536, 2000, SNAPJAR_DIAG_FRAME_INVALID, block_at);
            else /* goes on where the block's bytes are missing */
                expect_bad(&f, 65536, 2000, SNAPJAR_DIAG_STORED_SIZE_MISMATCH, f.size);
        }
    }
    for (uint32_t size = (128 << 10) - 1; size <= (128 << 10) + 1; size++) {
        frame f = begin_frame(-1, MIB, 4);
        size_t block_at = f.size;
        put_block(&f, 1, size, false);
        put(&f, "x", 1);
        if (size > 128 << 10)
            expect_bad(&f, MIB, MIB, SNAPJAR_DIAG_FRAME_INVALID, block_at);
        else
            expect_bad(&f, MIB, MIB, SNAPJAR_DIAG_STORED_SIZE_MISMATCH, f.size);
    }
    /* Single segment: the window is the content. */
    frame f = begin_frame(-1, 100, 1);
    size_t block_at = f.size;
    put_block(&f, 1, 101, true);
    put_le(&f, 0, 5);
    expect_bad(&f, 65536, 100, SNAPJAR_DIAG_FRAME_INVALID, block_at);
    /* The second block is the bad one. */
    f = begin_frame(-1, 100, 1);
    put_block(&f, 0, 3, false);
    put(&f, "abc", 3);
    block_at = f.size;
    put_block(&f, 3, 0, true);
    expect_bad(&f, 65536, 100, SNAPJAR_DIAG_FRAME_INVALID, block_at);
}

/* A frame may take content + content/16 + 1024 bytes; empty blocks fill it up to exactly that, and to one byte more. */
static void test_stored_max(void **state)
{
    static const uint32_t contents[] = {100, 16, 15, 65535};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        uint32_t content = contents[i];
        uint64_t most = content + content / 16 + 1024;
        assert_int_equal(sj_frame_stored_max(content), most);
        for (uint64_t stored = most; stored <= most + 1; stored++) {
            blob b = {must_alloc(stored), 0};
            frame head = begin_frame(-1, content, 4);
            size_t tail = 3 + 1 + 4;
            memcpy(b.bytes, head.bytes, head.size);
            b.size = head.size;
            /* A raw block of one or two bytes first, so that what is left is whole empty blocks. */
            uint32_t odd = (uint32_t)((stored - b.size - tail) % 3);
            sj_write_le24(b.bytes + b.size, odd << 3);
            b.size += 3 + odd;
            for (; b.size + tail < stored; b.size += 3)
                sj_write_le24(b.bytes + b.size, 0);
            sj_write_le24(b.bytes + b.size, (content - odd) << 3 | 1 << 1 | 1);
            b.size += tail;
            assert_int_equal(b.size, stored);
            outcome o = walk(b.bytes, b.size, 0, 0, 65536, content);
            if (stored == most)
                assert_int_equal(o.status, SNAPJAR_OK);
            else
                assert_fault(o.status, &o.err, SNAPJAR_DAMAGED, SNAPJAR_DIAG_FRAME_INVALID, SNAPJAR_SPACE_FILE, BASE);
            outcome steps = walk(b.bytes, b.size, 0, 1, 65536, content);
            assert_same(&steps, &o);
            free(b.bytes);
        }
    }
}

static snapjar_status refuse_frame(void *state, uint64_t stored_size, snapjar_error *err)
{
    (void)state;
    (void)stored_size;
    err->status = SNAPJAR_CANCELLED;
    return SNAPJAR_CANCELLED;
}

static void test_on_frame_may_refuse(void **state)
{
    frame f = rle_frame(100);
    sj_frame_walk walker;
    snapjar_error fault;

    (void)state;
    sj_frame_walk_init(&walker, 65536, 100, f.size, BASE);
    walker.on_frame = refuse_frame;
    assert_int_equal(sj_frame_walk_feed(&walker, f.bytes, f.size - 1, &fault), SNAPJAR_OK);
    assert_int_equal(sj_frame_walk_feed(&walker, f.bytes + f.size - 1, 1, &fault), SNAPJAR_CANCELLED);
    /* Nobody need listen. */
    sj_frame_walk_init(&walker, 65536, 100, f.size, BASE);
    assert_int_equal(sj_frame_walk_feed(&walker, f.bytes, f.size, &fault), SNAPJAR_OK);
    assert_int_equal(sj_frame_walk_finish(&walker, &fault), SNAPJAR_OK);
}

/* ---- coding ---- */

static snapjar_context *new_context(void)
{
    snapjar_context *context = NULL;

    assert_ok(snapjar_context_new(&context, NULL, err));
    return context;
}

static uint8_t *noise(size_t size)
{
    uint8_t *bytes = must_alloc(size);
    uint64_t random = 7;

    for (size_t i = 0; i < size; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        bytes[i] = (uint8_t)(random >> 56);
    }
    return bytes;
}

/* The walk takes it as one frame, zstd and our own decoder make the same bytes of it. */
static void expect_decodes(sj_codec *codec, const uint8_t *stored, size_t stored_size, const uint8_t *bytes,
                           size_t size)
{
    uint8_t *out = must_alloc(size);
    outcome o = walk(stored, stored_size, 3, 0, 8 * MIB, size);

    if (o.status != SNAPJAR_OK)
        fail_msg("%zu bytes: %s", size, o.err.message);
    assert_int_equal(o.frame_count, 1);
    assert_int_equal(ZSTD_decompress(out, size, stored, stored_size), size);
    assert_memory_equal(out, bytes, size);
    memset(out, 0, size);
    assert_ok(sj_frame_decompress(codec, out, size, stored, stored_size, true, 0, err));
    assert_memory_equal(out, bytes, size);
    free(out);
}

static void test_store(void **state)
{
    static const size_t sizes[] = {1,      2,      255,    256,    257,    65791,   65792,       65793,
                                   131071, 131072, 131073, 262144, 262145, 4 * MIB, 8 * MIB - 1, 8 * MIB};
    snapjar_context *context = new_context();
    sj_codec *codec = sj_codec_get(context, 0);
    uint8_t *bytes = noise(8 * MIB);
    uint8_t *stored = must_alloc(sj_frame_bound(8 * MIB));

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t size = sizes[i];
        size_t stored_size = sj_frame_store(stored, bytes, size);
        size_t head = size < 256 ? 6 : size < 65792 ? 7 : 9;
        assert_int_equal(stored_size, head + 3 * ((size + 131071) / 131072) + size + 4);
        assert_true(stored_size <= sj_frame_bound(size));
        expect_decodes(codec, stored, stored_size, bytes, size);
        /* Every byte of it is checked by zstd: content, checksum and structure. */
        stored[stored_size - 1] ^= 1;
        snapjar_error fault;
        uint8_t *out = must_alloc(size);
        assert_fault(sj_frame_decompress(codec, out, size, stored, stored_size, true, 77, &fault), &fault,
                     SNAPJAR_DAMAGED, SNAPJAR_DIAG_DECODE_FAILED, SNAPJAR_SPACE_FILE, 77);
        /* Or its checksum is looked at elsewhere, with the next frame checked by zstd again. */
        assert_ok(sj_frame_decompress(codec, out, size, stored, stored_size, false, 77, err));
        uint32_t sum = sj_checksum_zstd(out, size);
        assert_fault(sj_frame_check(stored, stored_size, sum, 77, &fault), &fault, SNAPJAR_DAMAGED,
                     SNAPJAR_DIAG_DECODE_FAILED, SNAPJAR_SPACE_FILE, 77);
        stored[stored_size - 1] ^= 1;
        assert_ok(sj_frame_check(stored, stored_size, sum, 77, err));
        free(out);
    }
    free(stored);
    free(bytes);
    snapjar_context_free(context);
}

/* The frame that reference zstd writes for raw blocks is the same, byte for byte: RFC 8878 leaves no choice here. */
static void test_store_bytes(void **state)
{
    static const uint8_t wanted[] = {0x28, 0xb5, 0x2f, 0xfd, 0x24, 3, 0x19, 0, 0, 'a', 'b', 'c'};
    uint8_t stored[64];

    (void)state;
    size_t size = sj_frame_store(stored, "abc", 3);
    assert_int_equal(size, sizeof(wanted) + 4); /* and the checksum */
    assert_memory_equal(stored, wanted, sizeof(wanted));
    uint8_t out[3];
    assert_int_equal(ZSTD_decompress(out, 3, stored, size), 3);
}

static void test_levels(void **state)
{
    static const size_t sizes[] = {1, 300, 70000, 300000};
    snapjar_context *context = new_context();
    sj_codec *codec = sj_codec_get(context, 3);
    uint8_t *bytes = noise(300000);
    size_t room = sj_frame_bound(300000);
    uint8_t *stored = must_alloc(room);

    (void)state;
    assert_int_equal(sj_level_min(), -7);
    assert_int_equal(sj_level_max(), 22);
    for (size_t i = 1000; i < 200000; i++)
        bytes[i] &= 3;
    for (int level = sj_level_min(); level <= sj_level_max(); level++) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            size_t stored_size = 0;
            assert_ok(
                sj_frame_compress(codec, stored, sj_frame_bound(sizes[i]), &stored_size, bytes, sizes[i], level, err));
            expect_decodes(codec, stored, stored_size, bytes, sizes[i]);
        }
    }
    free(stored);
    free(bytes);
    snapjar_context_free(context);
}

/* The largest frame at the levels that would like a larger window, compressible and not; then a low level again. */
static void test_largest_frame(void **state)
{
    static const int levels[] = {22, 1, 19, 20, 3};
    snapjar_context *context = new_context();
    sj_codec *codec = sj_codec_get(context, 0);
    uint8_t *bytes = noise(8 * MIB);
    size_t room = sj_frame_bound(8 * MIB);
    uint8_t *stored = must_alloc(room);

    (void)state;
    memset(bytes + 4096, 'x', 7 * MIB);
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        size_t stored_size = 0;
        assert_ok(sj_frame_compress(codec, stored, room, &stored_size, bytes, 8 * MIB, levels[i], err));
        expect_decodes(codec, stored, stored_size, bytes, 8 * MIB);
    }
    size_t stored_size = 0;
    free(bytes);
    bytes = noise(8 * MIB);
    assert_ok(sj_frame_compress(codec, stored, room, &stored_size, bytes, 8 * MIB, 3, err));
    expect_decodes(codec, stored, stored_size, bytes, 8 * MIB);
    assert_true(stored_size <= sj_frame_stored_max(8 * MIB));
    free(stored);
    free(bytes);
    snapjar_context_free(context);
}

/* A frame that says one size and holds another. */
static void test_decompress_sizes(void **state)
{
    snapjar_context *context = new_context();
    sj_codec *codec = sj_codec_get(context, 0);
    uint8_t stored[64];
    uint8_t out[8];
    size_t size = sj_frame_store(stored, "abcd", 4);
    snapjar_error fault;

    (void)state;
    for (size_t room = 3; room <= 5; room++) {
        snapjar_status status = sj_frame_decompress(codec, out, room, stored, size, true, 11, &fault);
        if (room == 4)
            assert_int_equal(status, SNAPJAR_OK);
        else
            assert_fault(status, &fault, SNAPJAR_DAMAGED, SNAPJAR_DIAG_DECODE_FAILED, SNAPJAR_SPACE_FILE, 11);
    }
    for (size_t cut = 1; cut < size; cut++)
        assert_fault(sj_frame_decompress(codec, out, 4, stored, size - cut, true, 11, &fault), &fault, SNAPJAR_DAMAGED,
                     SNAPJAR_DIAG_DECODE_FAILED, SNAPJAR_SPACE_FILE, 11);
    /* After all these failures the codec works as before. */
    assert_ok(sj_frame_decompress(codec, out, 4, stored, size, true, 11, err));
    assert_memory_equal(out, "abcd", 4);
    snapjar_context_free(context);
}

static void test_codecs_are_kept(void **state)
{
    snapjar_context *context = new_context();
    sj_codec *first = sj_codec_get(context, 0);
    sj_codec *last = sj_codec_get(context, 63);

    (void)state;
    assert_non_null(first);
    assert_non_null(last);
    assert_ptr_not_equal(first, last);
    assert_ptr_equal(sj_codec_get(context, 0), first);
    assert_ptr_equal(sj_codec_get(context, 63), last);
    snapjar_context_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_in_a_row),
        cmocka_unit_test(test_cut_frames),
        cmocka_unit_test(test_magics),
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_content_sizes),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_stored_max),
        cmocka_unit_test(test_on_frame_may_refuse),
        cmocka_unit_test(test_store),
        cmocka_unit_test(test_store_bytes),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_largest_frame),
        cmocka_unit_test(test_decompress_sizes),
        cmocka_unit_test(test_codecs_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
