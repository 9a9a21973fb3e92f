// Reader of flattened device trees (Devicetree Specification v0.4, chapter 5), pure C, also built
// on the host. A tree is data of a loader: every read is checked against the blob, and a damaged
// tree yields fewer nodes and properties, never an access outside it.
//
// Use: fdt_open once, then fdt_walk over the nodes in document order. The walk knows a node's
// ancestors, so addresses can be translated to those of the CPU and interrupt parents resolved.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FDT_MAGIC       0xd00dfeedu
#define FDT_MAX_DEPTH   16         // nesting of nodes; deeper trees are refused by fdt_open
#define FDT_MAX_SIZE    (1u << 21) // bytes; the arm64 boot protocol allows no more
#define FDT_HEADER_SIZE 40

struct fdt {
    const uint8_t *base; // the blob; any alignment
    uint32_t size;       // bytes of it that may be read
    uint32_t struct_offset, struct_size;
    uint32_t strings_offset, strings_size;
    uint32_t reserve_offset;
};

struct fdt_prop {
    const uint8_t *data;
    uint32_t size; // bytes
};

struct fdt_range {
    uint64_t base, size; // bytes; base + size does not wrap
};

// One ancestor of the current node, or the node itself.
struct fdt_level {
    uint32_t node;              // offset of the node's name in the structure block
    uint32_t address_cells;     // for the children
    uint32_t size_cells;
    uint32_t interrupt_parent;  // phandle, inherited; 0 = none
    struct fdt_prop ranges;     // data NULL: no such property, as the next
    struct fdt_prop compatible;
    bool enabled;               // status of it and all its ancestors is absent or okay
};

struct fdt_walk {
    const struct fdt *fdt;
    uint32_t next; // offset in the structure block
    int depth;     // of the current node; the root has 0, before the first node it is -1
    bool inside;   // the current node has not ended
    struct fdt_level level[FDT_MAX_DEPTH];
};

// Total size that a header claims, or 0 if `header` (FDT_HEADER_SIZE bytes) is not one.
uint32_t fdt_total_size(const void *header);

// Checks header, block bounds, nesting, property bounds and names. `limit` is the number of bytes
// at `blob` that may be read. On failure `ret_fdt` is untouched.
bool fdt_open(const void *blob, size_t limit, struct fdt *ret_fdt);

// Bytes from the start of the blob that are in use (a loader may leave much room at its end).
uint32_t fdt_used_size(const struct fdt *fdt);

// Makes `fdt_used_size` the total size that the header of a copy of that many bytes claims.
void fdt_shrink(void *blob, uint32_t used_size);

// Entry `index` of the memory reservation block; false past its end.
bool fdt_reserved(const struct fdt *fdt, unsigned index, struct fdt_range *ret_range);

void fdt_walk_init(struct fdt_walk *walk, const struct fdt *fdt);
// Next node in document order; false at the end.
bool fdt_walk_next(struct fdt_walk *walk);

// All of the following concern the current node of the walk.
const char *fdt_name(const struct fdt_walk *walk);
bool fdt_enabled(const struct fdt_walk *walk);
bool fdt_prop(const struct fdt_walk *walk, const char *name, struct fdt_prop *ret_prop);
// First cell of a property; `otherwise` if absent or too short.
uint32_t fdt_u32(const struct fdt_walk *walk, const char *name, uint32_t otherwise);
// A terminated string inside the property; NULL if absent or not terminated.
const char *fdt_string(const struct fdt_walk *walk, const char *name);
// Whether the list `compatible` contains `string`; the same for any property of strings.
bool fdt_is_compatible(const struct fdt_walk *walk, const char *string);
bool fdt_has_string(const struct fdt_walk *walk, const char *name, const char *string);
// Entry `index` of `reg`, translated to CPU addresses; false if absent, malformed or unreachable.
bool fdt_reg(const struct fdt_walk *walk, unsigned index, struct fdt_range *ret_range);
// Entry `index` of `interrupts` under a controller with three cells per interrupt.
bool fdt_interrupt(const struct fdt_walk *walk, unsigned index, uint32_t ret_cells[3]);
// Whether the node's path equals `path` (absolute, with unit addresses), of `path_length` bytes.
bool fdt_path_is(const struct fdt_walk *walk, const char *path, size_t path_length);

// Big-endian value of the first `cells` (at most 2) cells at `data`.
uint64_t fdt_cells(const uint8_t *data, uint32_t cells);
