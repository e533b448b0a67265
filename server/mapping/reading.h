/* How well a text could be read as a type. */
#ifndef PC_MAPPING_READING_H
#define PC_MAPPING_READING_H

typedef enum {
    PC_READING_NONE,    /* not such a value */
    PC_READING_LENIENT, /* read, but the result does not give back the text's value */
    PC_READING_EXACT    /* read, and nothing is lost */
} pc_reading;

#endif
