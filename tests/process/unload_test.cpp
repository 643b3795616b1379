// A plugin that holds libnn and trains is unloaded when it is closed, and its
// threads are ended. The argument is its path.
//
// The host has a C++ library of its own, as std::string makes sure. Else the
// plugin would bring it, and it would stay, and with it what it found in the
// plugin's symbols.

#include <dlfcn.h>

#include <cstdio>
#include <string>
#include <thread>

#include "process/support.h"

int main(int argc, char** argv) {
  NN_CHECK(argc == 2);
  const std::string path = argv[1];
  // ThreadSanitizer starts a thread of its own with the first other one.
  int threads_before = 0;
  std::thread([&] {
    threads_before = nn_test::threads_of_process() - 1;
  }).join();
  double first = 0.0;
  for (int round = 0; round < 100; ++round) {
    void* plugin = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (plugin == nullptr) std::fprintf(stderr, "%s\n", dlerror());
    NN_CHECK(plugin != nullptr);
    auto* run = reinterpret_cast<double (*)(int)>(dlsym(plugin, "plugin_run"));
    NN_CHECK(run != nullptr);
    const double answer = run(2 + round % 3);
    NN_CHECK(answer > 0.0);
    if (round == 0) first = answer;
    NN_CHECK(answer == first);
    NN_CHECK(nn_test::threads_of_process() > threads_before);
    NN_CHECK(dlclose(plugin) == 0);
    // Nothing keeps it: neither a thread nor a symbol that is unique in the
    // process.
    NN_CHECK(dlopen(path.c_str(), RTLD_NOW | RTLD_NOLOAD) == nullptr);
    NN_CHECK(nn_test::comes_to_threads(threads_before));
  }
  return 0;
}
