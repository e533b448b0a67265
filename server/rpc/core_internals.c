/* C++ of core's by the names and tables that the Itanium ABI gives it, as compilers on Linux do. */
#include "rpc/core_internals.h"

#include <dlfcn.h>
#include <grpc/byte_buffer.h>
#include <grpc/slice.h>
#include <string.h>

const char pc_core_intake_address[] = "external:profile-context";

/* grpc_core::TcpServerFdHandler: the table of its virtual functions comes first. */
typedef struct {
    void (*destroy)(pc_core_intake *self);
    void (*destroy_and_free)(pc_core_intake *self);
    void (*handle)(pc_core_intake *self, int listener, int connection, grpc_byte_buffer *read);
} handler_table;

struct pc_core_intake {
    const handler_table *table;
};

static void *same_pointer(void *pointer)
{
    return pointer;
}

static void keep_pointer(void *pointer)
{
    (void)pointer;
}

static int compare_pointers(void *a, void *b)
{
    return a < b ? -1 : a > b;
}

grpc_arg pc_core_intake_arg(pc_core_intake **out)
{
    static const grpc_arg_pointer_vtable borrowed = {same_pointer, keep_pointer, compare_pointers};
    grpc_arg arg = {.type = GRPC_ARG_POINTER, .key = (char *)(uintptr_t)pc_core_intake_address};
    arg.value.pointer.p = out;
    arg.value.pointer.vtable = &borrowed;
    return arg;
}

void pc_core_intake_take(pc_core_intake *intake, int listener, int connection)
{
    intake->table->handle(intake, listener, connection, NULL);
}

/* ISO C has no cast from an object pointer to a function; POSIX means it so. */
#define FIND(function, name)                                                                       \
    do {                                                                                           \
        void *found = dlsym(RTLD_DEFAULT, name);                                                   \
        memcpy(&(function), &found, sizeof(function));                                             \
    } while (false)

typedef struct {
    grpc_server *server;
    bool sent;
} goaways;

/* Runs where core has set the stage for its own work on this thread (an ExecCtx), which the
 * function takes for granted. */
static void send_goaways(void *self)
{
    goaways *wanted = self;
    void (*send)(grpc_server *);
    FIND(send, "_ZN9grpc_core6Server11SendGoawaysEv");
    void *const *stage = dlsym(RTLD_DEFAULT, "_ZN9grpc_core7ExecCtx9exec_ctx_E");
    if (send != NULL && stage != NULL && *stage != NULL) {
        send(wanted->server);
        wanted->sent = true;
    }
}

bool pc_core_send_goaways(grpc_server *server)
{
    goaways wanted = {.server = server};
    static char nothing[1];
    /* A buffer's end has the bytes of its slices released on such a stage. */
    grpc_slice slice =
        grpc_slice_new_with_user_data(nothing, sizeof nothing, send_goaways, &wanted);
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    grpc_byte_buffer_destroy(buffer);
    return wanted.sent;
}

bool pc_core_has_connections(grpc_server *server)
{
    bool (*has_connections)(grpc_server *);
    FIND(has_connections, "_ZN9grpc_core6Server18HasOpenConnectionsEv");
    return has_connections == NULL || has_connections(server);
}
