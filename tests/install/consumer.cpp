// Trains a small network on points that a line separates, from outside the
// project: through headers and archive alone. Exits 0 if it learns them, and
// prints what it computed to the last bit, so that two builds can be compared.

#include <nn/nn.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>

namespace {

bool fail(const char* what) {
  std::fprintf(stderr, "consumer: %s\n", what);
  return false;
}

// The bytes of a matrix as one number (FNV-1a, 64 bits).
template <typename Scalar>
void print_bits(const char* what, const nn::Matrix<Scalar>& m) {
  std::uint64_t hash = 14695981039346656037U;
  for (nn::Index i = 0; i < m.size(); ++i) {
    unsigned char bytes[sizeof(Scalar)];
    std::memcpy(bytes, m.data() + i, sizeof(Scalar));
    for (const unsigned char byte : bytes)
      hash = (hash ^ byte) * 1099511628211U;
  }
  std::printf("%s %dx%d %016llx\n",
              what,
              static_cast<int>(m.rows()),
              static_cast<int>(m.cols()),
              static_cast<unsigned long long>(hash));
}

// Matrices are made here and released in libnn, and the other way round: they
// must agree on how memory is aligned.
bool trains() {
  constexpr nn::Index kSamples = 64;
  nn::Rng rng(1);
  nn::Matrix<float> x(2, kSamples);
  nn::Labels labels(kSamples);
  for (nn::Index n = 0; n < kSamples; ++n) {
    x(0, n) = static_cast<float>(rng.uniform(-1.0, 1.0));
    x(1, n) = static_cast<float>(rng.uniform(-1.0, 1.0));
    labels(n) = x(0, n) + x(1, n) > 0.0F ? 1 : 0;
  }

  nn::Sequential<float> net(nn::Shape{2}, 1);
  net.add<nn::Linear>(16).add<nn::ReLU>().add<nn::Linear>(2);
  net.add<nn::Softmax>();
  nn::SgdOptions options;
  options.learning_rate = 0.2;
  options.momentum = 0.9;
  nn::Sgd<float> sgd(net.parameters(), options);
  const nn::SoftmaxCrossEntropy<float> cross_entropy;
  nn::Workspace<float> workspace;
  nn::Matrix<float> gradient(2, kSamples);
  double first_loss = 0.0;
  nn::LossResult result;
  for (int step = 0; step < 200; ++step) {
    const auto logits = net.forward(x, workspace);
    result = cross_entropy.evaluate(logits, labels, gradient);
    net.backward(gradient, workspace);
    sgd.step();
    if (step == 0) first_loss = result.loss;
  }
  if (!(result.loss < 0.25 * first_loss)) return fail("the loss did not fall");
  if (result.correct < kSamples * 95 / 100) return fail("too many errors");

  std::printf("loss %a, %d of %d right\n",
              result.loss,
              static_cast<int>(result.correct),
              static_cast<int>(kSamples));
  print_bits("first weights", net.parameters()[0]->value);
  const nn::Matrix<float> y = net.predict(x);
  print_bits("probabilities", y);
  if (!((y.colwise().sum().array() - 1.0F).abs() < 1e-5F).all()) {
    return fail("the probabilities do not add up to 1");
  }
  // A matrix of the network gives up its memory to one that is made here.
  nn::Matrix<float> taken;
  taken.swap(net.parameters()[0]->value);
  taken.resize(3, 5);
  net.parameters()[0]->value = nn::Matrix<float>::Zero(2, 16);
  return true;
}

// Odd sizes, in double: no column but the first is aligned.
bool convolves() {
  nn::Sequential<double> net(nn::Shape{3, 9, 7}, 2);
  net.add<nn::Conv2d>(5, 3, 1, 1).add<nn::ReLU>().add<nn::MaxPool2d>(2);
  net.add<nn::Linear>(3).add<nn::Softmax>();
  nn::Rng rng(3);
  nn::Matrix<double> x(3 * 9 * 7, 5);
  for (nn::Index i = 0; i < x.size(); ++i) x.data()[i] = rng.normal();
  const nn::Matrix<double> y = net.predict(x);
  print_bits("convolved", y);
  return y.allFinite() || fail("a probability is not finite");
}

bool refuses() {
  try {
    nn::Sequential<float> net(nn::Shape{1, 4, 4}, 0);
    net.add<nn::Conv2d>(4, 7);
  } catch (const std::invalid_argument& error) {
    return std::string(error.what()).find("Conv2d") != std::string::npos ||
           fail("the error does not name the layer");
  }
  return fail("a kernel larger than its image was accepted");
}

bool is_of_one_version() {
  return std::string(nn::version()) == NN_VERSION ||
         fail("headers and archive differ in version");
}

}  // namespace

int main() {
  return is_of_one_version() && trains() && convolves() && refuses() ? 0 : 1;
}
