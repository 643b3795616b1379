// Loads two plugins that each hold a libnn of their own, runs them with threads
// running, unloads them, and does it all again.

#include <dlfcn.h>

#include <cstdio>

namespace {

bool round(double& answer) {
  void* plugins[2] = {};
  double answers[4] = {};
  const char* paths[2] = {FIRST_PLUGIN, SECOND_PLUGIN};
  for (int i = 0; i < 2; ++i) {
    plugins[i] = dlopen(paths[i], RTLD_NOW | RTLD_LOCAL);
    if (plugins[i] == nullptr) {
      std::fprintf(stderr, "host: %s\n", dlerror());
      return false;
    }
    auto* run =
        reinterpret_cast<double (*)(int)>(dlsym(plugins[i], "plugin_run"));
    if (run == nullptr) {
      std::fprintf(stderr, "host: %s\n", dlerror());
      return false;
    }
    answers[2 * i] = run(2);
    answers[2 * i + 1] = run(4);
  }
  for (void* plugin : plugins) {
    if (dlclose(plugin) != 0) {
      std::fprintf(stderr, "host: %s\n", dlerror());
      return false;
    }
  }
  answer = answers[0];
  for (const double other : answers) {
    if (!(other > 0.0) || other != answer) {
      std::fprintf(stderr, "host: %g and %g\n", answer, other);
      return false;
    }
  }
  return true;
}

}  // namespace

int main() {
  double first = 0.0;
  double second = 0.0;
  if (!round(first) || !round(second)) return 1;
  return first == second ? 0 : 1;
}
