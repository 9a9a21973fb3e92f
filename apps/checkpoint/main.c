/* A data structure with checkpoints, by copy on write: checkpoint [KEYS [TRANSACTIONS]].
 *
 * The tree lies in memory that is filled on demand. Before a transaction the program takes a
 * snapshot of it, which copies nothing; the transaction then costs one frame for each page that it
 * writes to. Every second one is rolled back, in the middle of which a savepoint inside the
 * transaction is gone back to first. Nothing in btree.c knows of all that. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <aos/paging.h>

#include "btree.h"

#define REGION_BYTES 0x10000000ull       /* addresses; memory is what the tree uses of it */
#define KEYS         20000ul
#define TRANSACTIONS 20ul
#define KEYS_LIMIT   500000ul
#define WRITES       40u                 /* of one transaction */

static struct {
    void *memory;
    struct btree *tree;
    uint64_t *want;                      /* value of each key, 0: it is not there */
    size_t keys;
    uint64_t random;
    uint64_t versions;
} book;

static uint64_t book_random(void)
{
    book.random ^= book.random << 13;
    book.random ^= book.random >> 7;
    book.random ^= book.random << 17;
    return book.random;
}

static void fail(const char *what, uint64_t detail)
{
    fprintf(stderr, "checkpoint: %s: 0x%llx\n", what, (unsigned long long)detail);
    exit(1);
}

static void check(const char *what, errval_t err)
{
    if (err_is_fail(err)) {
        fail(what, err);
    }
}

static void *snapshot(void)
{
    void *copy = NULL;

    check("snapshot", paging_snapshot(book.memory, &copy));
    return copy;
}

static void write_some(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t key = book_random() % book.keys;

        book.want[key] = ++book.versions;
        if (!btree_put(book.tree, key, book.want[key])) {
            fail("the tree is full", key);
        }
    }
}

/* The tree is in order, and says what it should. */
static void compare(void)
{
    size_t count = 0;

    if (!btree_valid(book.tree)) {
        fail("the tree is damaged", book.versions);
    }
    for (size_t key = 0; key < book.keys; key++) {
        uint64_t value = 0;

        if (btree_get(book.tree, key, &value) != (book.want[key] != 0)
            || value != book.want[key]) {
            fail("a wrong value of key", key);
        }
        count += book.want[key] != 0;
    }
    if (count != btree_count(book.tree)) {
        fail("a wrong count", count);
    }
}

/* One transaction with a savepoint in its middle. Returns how many frames it took. */
static uint64_t transaction(bool keep)
{
    size_t bytes = book.keys * sizeof(book.want[0]);
    uint64_t *before = malloc(2 * bytes);
    struct paging_use start, end;

    if (before == NULL) {
        fail("no memory for keys", book.keys);
    }
    memcpy(before, book.want, bytes);
    paging_stats(&start);
    void *checkpoint = snapshot();

    write_some(WRITES / 2);
    paging_stats(&end);
    void *savepoint = snapshot();
    memcpy(before + book.keys, book.want, bytes);
    write_some(WRITES / 2);
    if (!keep) {
        check("back to the savepoint", paging_restore(book.memory, savepoint));
        memcpy(book.want, before + book.keys, bytes);
        compare();
        check("back to the checkpoint", paging_restore(book.memory, checkpoint));
        memcpy(book.want, before, bytes);
    }
    check("drop", paging_unmap(paging_self(), checkpoint)); /* in any order */
    check("drop", paging_unmap(paging_self(), savepoint));
    free(before);
    return end.copied - start.copied;
}

static unsigned long number(const char *text, unsigned long limit)
{
    char *end = NULL;

    errno = 0;
    unsigned long n = strtoul(text, &end, 10);
    if (*text == '\0' || *end != '\0' || errno != 0 || n == 0 || n > limit) {
        fprintf(stderr, "usage: checkpoint [KEYS [TRANSACTIONS]]\n");
        exit(2);
    }
    return n;
}

int main(int argc, char **argv)
{
    unsigned long rounds = argc > 2 ? number(argv[2], KEYS_LIMIT) : TRANSACTIONS;
    struct paging_use none, use;
    uint64_t copied = 0;

    book.keys = argc > 1 ? number(argv[1], KEYS_LIMIT) : KEYS;
    book.random = 88172645463325252ull;
    book.want = calloc(book.keys, sizeof(book.want[0]));
    if (book.want == NULL) {
        fail("no memory for keys", book.keys);
    }
    paging_stats(&none);
    check("memory", paging_alloc_lazy(&(struct paging_lazy){
        .bytes = REGION_BYTES, .flags = AOS_VM_RW, .cluster = 8, .name = "tree" }, &book.memory));
    book.tree = btree_make(book.memory, REGION_BYTES);
    write_some((unsigned)book.keys);
    compare();
    size_t pages = (btree_bytes(book.tree) + AOS_PAGE_BYTES - 1) / AOS_PAGE_BYTES;

    for (unsigned long i = 0; i < rounds; i++) {
        copied += transaction(i % 2 == 0);
        compare();
    }
    printf("checkpoint: %zu keys in %zu pages; %lu transactions, %lu rolled back\n",
           btree_count(book.tree), pages, rounds, rounds / 2);
    printf("checkpoint: %llu pages copied in a half transaction of %u writes\n",
           (unsigned long long)(copied / rounds), WRITES / 2);
    check("drop", paging_unmap(paging_self(), book.memory));
    paging_stats(&use);
    if (use.pages > none.pages + 2) {    /* the stack may have grown */
        fail("pages that did not come back", use.pages - none.pages);
    }
    return 0;
}
