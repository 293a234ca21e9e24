#include "ingest/zmq_heap.hpp"

#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <mutex>
#include <string_view>

#ifdef __SANITIZE_THREAD__
extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
}
#endif

namespace zws::zmq_heap {
namespace {

// ThreadSanitizer does not see how libzmq's threads hand memory over, so what they allocate is left
// out, as if libzmq had called malloc() itself (tests/tsan.supp).
struct Unwatched {
#ifdef __SANITIZE_THREAD__
  Unwatched() noexcept {
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  }
  ~Unwatched() {
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
  }
  Unwatched(const Unwatched&) = delete;
  Unwatched& operator=(const Unwatched&) = delete;
#else
  Unwatched() noexcept {}  // or it would be called unused
#endif
};

constexpr std::chrono::milliseconds longest_pause{200};

std::atomic<std::int64_t> held{0};
std::atomic<std::int64_t> pause_level{std::numeric_limits<std::int64_t>::max()};
std::mutex mutex;
std::condition_variable level_changed;

// libzmq's threads that read and write connections are called ZMQbg/IO/N.
bool is_io_thread() noexcept {
  thread_local const bool is = [] {
    std::array<char, 16> name{};
    return ::pthread_getname_np(::pthread_self(), name.data(), name.size()) == 0 &&
           std::string_view(name.data()).find("/IO/") != std::string_view::npos;
  }();
  return is;
}

void grow(void* block) noexcept {
  if (block == nullptr) return;
  const auto size = static_cast<std::int64_t>(::malloc_usable_size(block));
  const auto is_above = [] {
    return held.load(std::memory_order_relaxed) > pause_level.load(std::memory_order_relaxed);
  };
  held.fetch_add(size, std::memory_order_relaxed);
  if (!is_above() || !is_io_thread()) return;
  std::unique_lock<std::mutex> lock(mutex);
  level_changed.wait_for(lock, longest_pause, [&] { return !is_above(); });
}

void shrink(void* block) noexcept {
  if (block == nullptr) return;
  held.fetch_sub(static_cast<std::int64_t>(::malloc_usable_size(block)), std::memory_order_relaxed);
}

void* counted_malloc(std::size_t size) {
  const Unwatched unwatched;
  void* const block = std::malloc(size);
  grow(block);
  return block;
}

void* counted_realloc(void* block, std::size_t size) {
  const Unwatched unwatched;
  shrink(block);
  void* const moved = std::realloc(block, size);
  grow(moved != nullptr || size == 0 ? moved : block);
  return moved;
}

int counted_posix_memalign(void** block, std::size_t alignment, std::size_t size) {
  const Unwatched unwatched;
  const int fault = ::posix_memalign(block, alignment, size);
  if (fault == 0) grow(*block);
  return fault;
}

void counted_free(void* block) {
  const Unwatched unwatched;
  shrink(block);
  std::free(block);
}

void* counted_in_place_of(std::string_view name) noexcept {
  if (name == "malloc") return reinterpret_cast<void*>(&counted_malloc);
  if (name == "realloc") return reinterpret_cast<void*>(&counted_realloc);
  if (name == "posix_memalign") return reinterpret_cast<void*>(&counted_posix_memalign);
  if (name == "free") return reinterpret_cast<void*>(&counted_free);
  return nullptr;
}

// The loader has made the table read-only by now, or leaves it writable; a moment of writing does
// for both.
bool set_slot(std::uintptr_t slot, void* function) noexcept {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  void* const start = reinterpret_cast<void*>(slot & ~(page - 1));
  if (::mprotect(start, page, PROT_READ | PROT_WRITE) != 0) return false;
  __atomic_store_n(reinterpret_cast<void**>(slot), function, __ATOMIC_RELEASE);
  return true;
}

// The tables of one library that say which functions it imports, and where their addresses lie.
struct Imports {
  std::uintptr_t base = 0;
  const ElfW(Sym) * symbols = nullptr;
  const char* names = nullptr;
  std::array<std::uintptr_t, 2> tables{};
  std::array<std::size_t, 2> sizes{};

  explicit Imports(const dl_phdr_info& library) : base(library.dlpi_addr) {
    for (int i = 0; i < library.dlpi_phnum; ++i) {
      if (library.dlpi_phdr[i].p_type != PT_DYNAMIC) continue;
      const auto* entry = reinterpret_cast<const ElfW(Dyn)*>(base + library.dlpi_phdr[i].p_vaddr);
      for (; entry->d_tag != DT_NULL; ++entry) take(*entry);
    }
  }

  void take(const ElfW(Dyn) & entry) {
    // Some loaders leave addresses relative to where the library lies.
    const std::uintptr_t address = entry.d_un.d_ptr;
    const std::uintptr_t at = address < base ? base + address : address;
    switch (entry.d_tag) {
      case DT_SYMTAB: symbols = reinterpret_cast<const ElfW(Sym)*>(at); break;
      case DT_STRTAB: names = reinterpret_cast<const char*>(at); break;
      case DT_JMPREL: tables[0] = at; break;
      case DT_PLTRELSZ: sizes[0] = entry.d_un.d_val; break;
      case DT_RELA: tables[1] = at; break;
      case DT_RELASZ: sizes[1] = entry.d_un.d_val; break;
      default: break;
    }
  }

  // How many of ours are in place.
  int lead_through_counters() const noexcept {
    int set = 0;
    for (std::size_t i = 0; i < tables.size() && symbols != nullptr && names != nullptr; ++i) {
      const auto* entry = reinterpret_cast<const ElfW(Rela)*>(tables[i]);
      const auto* const end = entry + sizes[i] / sizeof *entry;
      for (; entry != nullptr && entry != end; ++entry) {
        const std::size_t symbol = static_cast<std::size_t>(entry->r_info >> 32U);
        if (symbol == 0) continue;
        void* const ours = counted_in_place_of(names + symbols[symbol].st_name);
        if (ours != nullptr && set_slot(base + entry->r_offset, ours)) ++set;
      }
    }
    return set;
  }
};

int visit(dl_phdr_info* library, std::size_t, void* set) {
  static_assert(sizeof(void*) == 8, "the tables are read as those of 64 bits");
  if (std::strstr(library->dlpi_name, "libzmq.so") == nullptr) return 0;
  *static_cast<int*>(set) = Imports(*library).lead_through_counters();
  return 1;
}

}  // namespace

bool watch() noexcept {
  static const bool watched = [] {
    int set = 0;
    ::dl_iterate_phdr(visit, &set);
    return set >= 2;  // malloc and free
  }();
  return watched;
}

std::size_t bytes() noexcept {
  const std::int64_t now = held.load(std::memory_order_relaxed);
  return now > 0 ? static_cast<std::size_t>(now) : 0;
}

void pause_above(std::size_t level) noexcept {
  const auto next = static_cast<std::int64_t>(level);
  if (pause_level.load(std::memory_order_relaxed) == next) return;
  const std::lock_guard<std::mutex> lock(mutex);
  pause_level.store(next, std::memory_order_relaxed);
  level_changed.notify_all();
}

}  // namespace zws::zmq_heap
