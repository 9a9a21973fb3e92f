/* What pages of a region may be used for: the region's flags, but for ranges with others. Ranges do
 * not touch if they have the same flags. */
#include "mem_priv.h"
#include "paging_priv.h"

uint32_t access_of_range(const struct paging_region *r, uint64_t va, uint64_t *ret_end)
{
    const struct tree_node *n = tree_below(r->access, va);
    if (n != NULL && va - n->key < n->bytes) {
        *ret_end = n->key + n->bytes;
        return NODE_ACCESS(n)->flags;
    }
    n = tree_above(r->access, va);
    *ret_end = n != NULL ? n->key : region_end(r);
    return r->flags;
}

uint32_t access_flags_of_range(const struct paging_region *r, uint64_t va)
{
    uint64_t end;
    return access_of_range(r, va, &end);
}

static void access_add(struct paging_region *r, uint64_t va, uint64_t bytes, uint32_t flags)
{
    struct paging_access *a = mem_new(MEM_SLAB_ACCESS);
    a->node.key = va;
    a->node.bytes = bytes;
    a->flags = flags;
    tree_insert(&r->access, &a->node);
}

void access_forget(struct paging_region *r, uint64_t va, uint64_t bytes)
{
    uint64_t end = va + bytes;
    struct tree_node *n = tree_below(r->access, va);
    if (n != NULL && n->key < va && va - n->key < n->bytes) {
        uint64_t n_end = n->key + n->bytes;
        tree_resize(&r->access, n->key, va - n->key);
        if (n_end > end) {
            access_add(r, end, n_end - end, NODE_ACCESS(n)->flags);
        }
    }
    for (n = tree_above(r->access, va); n != NULL && n->key < end; n = tree_above(r->access, va)) {
        uint64_t n_end = n->key + n->bytes;
        tree_remove(&r->access, n->key);
        if (n_end > end) {
            n->key = end;
            n->bytes = n_end - end;
            tree_insert(&r->access, n);
        } else {
            mem_free(MEM_SLAB_ACCESS, n);
        }
    }
}

void access_set(struct paging_region *r, uint64_t va, uint64_t bytes, uint32_t flags)
{
    access_forget(r, va, bytes);
    if (flags == r->flags) {
        return;
    }
    struct tree_node *before = tree_below(r->access, va);
    if (before != NULL && before->key + before->bytes == va &&
        NODE_ACCESS(before)->flags == flags) {
        va = before->key;
        bytes += before->bytes;
        mem_free(MEM_SLAB_ACCESS, tree_remove(&r->access, va));
    }
    struct tree_node *after = tree_find(r->access, va + bytes);
    if (after != NULL && NODE_ACCESS(after)->flags == flags) {
        bytes += after->bytes;
        mem_free(MEM_SLAB_ACCESS, tree_remove(&r->access, after->key));
    }
    access_add(r, va, bytes, flags);
}
