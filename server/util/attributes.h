/* Compiler attributes that turn a habit into a rule the compiler checks. */
#ifndef PC_UTIL_ATTRIBUTES_H
#define PC_UTIL_ATTRIBUTES_H

/* A dropped result of a function so marked is a warning, and warnings are errors in CI. */
#define PC_NODISCARD __attribute__((warn_unused_result))

/* The arguments of a function so marked are checked like those of printf. */
#define PC_PRINTF(format_index, first_index)                                                       \
    __attribute__((format(printf, format_index, first_index)))

#define PC_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* From a pointer to a member, the struct that holds it. */
#define PC_CONTAINER_OF(pointer, type, member)                                                     \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
