#include "support/allocations.h"

#include <stdlib.h>

#include <atomic>
#include <cerrno>
#include <new>

namespace {

std::atomic<std::size_t> count{0};
std::atomic<std::size_t> bytes{0};
std::atomic<std::size_t> first_refused{0};  // by its count; 0 for none
std::atomic<bool> refuses_all_after{false};
std::atomic<std::size_t> refused{0};

// Counts a block. Returns false if it is to be refused.
bool count_block(std::size_t size) {
  bytes += size;
  const std::size_t number = ++count;
  const std::size_t first = first_refused.load();
  if (first == 0 || number < first) return true;
  if (number > first && !refuses_all_after) return true;
  ++refused;
  return false;
}

}  // namespace

namespace nn_test {

std::size_t allocation_count() {
  return count.load();
}

std::size_t allocated_bytes() {
  return bytes.load();
}

void refuse_allocation(std::size_t n, bool all_after) {
  first_refused = 0;
  refused = 0;
  refuses_all_after = all_after;
  if (n > 0) first_refused = count.load() + n;
}

std::size_t refused_allocations() {
  return refused.load();
}

AllocationFault::AllocationFault(std::size_t nth) {
  refuse_allocation(nth);
}

AllocationFault::~AllocationFault() {
  refuse_allocation(0);
}

bool AllocationFault::happened() const {
  return refused_allocations() > 0;
}

}  // namespace nn_test

// operator new below reaches the heap through the functions that the linker
// redirects to __wrap_..., so it is counted there; without redirection it
// counts by itself.
#ifdef NN_COUNT_MALLOC

extern "C" {
void* __real_malloc(size_t size);
void* __real_calloc(size_t items, size_t size);
void* __real_realloc(void* block, size_t size);
void* __real_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void** block, size_t alignment, size_t size);

void* __wrap_malloc(size_t size);
void* __wrap_calloc(size_t items, size_t size);
void* __wrap_realloc(void* block, size_t size);
void* __wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void** block, size_t alignment, size_t size);

static void* refuse() {
  errno = ENOMEM;
  return nullptr;
}

void* __wrap_malloc(size_t size) {
  if (!count_block(size)) return refuse();
  return __real_malloc(size);
}

void* __wrap_calloc(size_t items, size_t size) {
  if (!count_block(items * size)) return refuse();
  return __real_calloc(items, size);
}

void* __wrap_realloc(void* block, size_t size) {
  if (!count_block(size)) return refuse();
  return __real_realloc(block, size);
}

void* __wrap_aligned_alloc(size_t alignment, size_t size) {
  if (!count_block(size)) return refuse();
  return __real_aligned_alloc(alignment, size);
}

int __wrap_posix_memalign(void** block, size_t alignment, size_t size) {
  if (!count_block(size)) return ENOMEM;
  return __real_posix_memalign(block, alignment, size);
}
}

#endif

namespace {

void* take(std::size_t size, std::size_t alignment) {
#ifndef NN_COUNT_MALLOC
  if (!count_block(size)) throw std::bad_alloc();
#endif
  // The standard wants a pointer of its own even for nothing.
  if (size == 0) size = 1;
  void* block = nullptr;
  if (alignment <= alignof(std::max_align_t)) {
    block = malloc(size);
  } else if (posix_memalign(&block, alignment, size) != 0) {
    block = nullptr;
  }
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

void* take_or_null(std::size_t size) noexcept {
  try {
    return take(size, 1);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

}  // namespace

void* operator new(std::size_t size) {
  return take(size, 1);
}
void* operator new[](std::size_t size) {
  return take(size, 1);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return take_or_null(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return take_or_null(size);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return take(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return take(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* block) noexcept {
  free(block);
}
void operator delete[](void* block) noexcept {
  free(block);
}
void operator delete(void* block, const std::nothrow_t&) noexcept {
  free(block);
}
void operator delete[](void* block, const std::nothrow_t&) noexcept {
  free(block);
}
void operator delete(void* block, std::size_t) noexcept {
  free(block);
}
void operator delete[](void* block, std::size_t) noexcept {
  free(block);
}
void operator delete(void* block, std::align_val_t) noexcept {
  free(block);
}
void operator delete[](void* block, std::align_val_t) noexcept {
  free(block);
}
void operator delete(void* block, std::size_t, std::align_val_t) noexcept {
  free(block);
}
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept {
  free(block);
}
