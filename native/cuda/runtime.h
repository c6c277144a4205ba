/* The second half of the CUDA library's C interface: devices, memory, copies, events and captured graphs, so that the addon is built
   without a CUDA header. Results are those of api.h. The calls act on the device that the calling thread has set, and on streams and events
   of it. */
#pragma once

#include <stddef.h>

#include "cuda/api.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct FlaxenCudaProperties {
  char name[256];
  int capability; /* 10 * major + minor */
  int processors;
  size_t memory; /* bytes */
} FlaxenCudaProperties;

/* CUDA versions as 1000 * major + 10 * minor: the newest that the driver supports (0 where there is no driver), and that of this library.
 */
FLAXEN_CUDA_API int flaxen_cuda_versions(int* driver, int* runtime);
/* `count` is 0 where the result is not. */
FLAXEN_CUDA_API int flaxen_cuda_device_count(int* count);
FLAXEN_CUDA_API int flaxen_cuda_properties(int ordinal, FlaxenCudaProperties* properties);
FLAXEN_CUDA_API int flaxen_cuda_set_device(int ordinal);
FLAXEN_CUDA_API int flaxen_cuda_memory_info(size_t* free, size_t* total);

FLAXEN_CUDA_API int flaxen_cuda_stream_create(void** stream);
FLAXEN_CUDA_API int flaxen_cuda_stream_synchronize(void* stream);
FLAXEN_CUDA_API int flaxen_cuda_stream_destroy(void* stream);

FLAXEN_CUDA_API int flaxen_cuda_allocate(void** memory, size_t bytes);
FLAXEN_CUDA_API int flaxen_cuda_free(void* memory);
/* Of the host, not to be paged out, so that copies need not wait. */
FLAXEN_CUDA_API int flaxen_cuda_allocate_pinned(void** memory, size_t bytes);
FLAXEN_CUDA_API int flaxen_cuda_free_pinned(void* memory);

typedef enum FlaxenCudaDirection { FLAXEN_CUDA_TO_DEVICE, FLAXEN_CUDA_TO_HOST, FLAXEN_CUDA_WITHIN_DEVICE } FlaxenCudaDirection;
/* Starts a copy on the stream. Memory of the host that is not pinned may make it wait. */
FLAXEN_CUDA_API int flaxen_cuda_memory_copy(void* stream, FlaxenCudaDirection direction, void* to, const void* from, size_t bytes);

/* An event tells when what was on the stream before it is done. */
FLAXEN_CUDA_API int flaxen_cuda_event_create(void** event);
FLAXEN_CUDA_API int flaxen_cuda_event_record(void* event, void* stream);
FLAXEN_CUDA_API int flaxen_cuda_event_done(void* event, int* done);
FLAXEN_CUDA_API int flaxen_cuda_event_synchronize(void* event);
FLAXEN_CUDA_API int flaxen_cuda_event_destroy(void* event);

/* Between begin and end, calls on the stream are written down instead of run; end makes of them what flaxen_cuda_graph_launch runs. After
   an error, end still takes the stream out of capture, and gives no graph. */
FLAXEN_CUDA_API int flaxen_cuda_capture_begin(void* stream);
FLAXEN_CUDA_API int flaxen_cuda_capture_end(void* stream, void** graph);
FLAXEN_CUDA_API int flaxen_cuda_graph_launch(void* graph, void* stream);
FLAXEN_CUDA_API int flaxen_cuda_graph_destroy(void* graph);

#ifdef __cplusplus
}
#endif
