// The linker's build id (a note section, System V ABI: name size, description size, type, name,
// description), as text.
#include <kernel/boot.h>

#define BUILD_ID_SHOWN 8 // bytes

struct build_id_note {
    uint32_t name_size, size, type;
    char name[4];
    uint8_t id[];
};

extern const struct build_id_note _build_id_note;

const char *kernel_build_id(void)
{
    static char text[2 * BUILD_ID_SHOWN + 1];
    for (unsigned i = 0; i < BUILD_ID_SHOWN && i < _build_id_note.size; i++) {
        text[2 * i] = "0123456789abcdef"[_build_id_note.id[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[_build_id_note.id[i] & 0xf];
    }
    return text;
}
