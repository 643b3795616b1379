#include "common/figures.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>
#include <string>

#include "nn/files/file.h"
#include "plot/render.h"
#include "plot/ticks.h"
#include "report/sample_run.h"
#include "support/catch.h"
#include "support/errors.h"
#include "support/temporary_directory.h"

using Catch::Approx;

namespace {

using Catch::Matchers::ContainsSubstring;

// All texts of a drawing, in the order they were drawn.
std::vector<std::string> texts(const plot::Drawing& drawing) {
  std::vector<std::string> out;
  for (const plot::Shape& shape : drawing.shapes()) {
    const auto* text = std::get_if<plot::Text>(&shape);
    if (text != nullptr) out.push_back(text->text);
  }
  return out;
}

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

TEST_CASE("every cell of the confusion figure shows its number", "[figures]") {
  const apps::Run run = nn_test::sample_run("mlp", "libnn");
  plot::SvgColours colours;
  const std::string svg = plot::to_svg(
      apps::draw_confusion(run, apps::MatrixKind::kShare), "", colours);
  std::size_t position = 0;
  for (const apps::ConfusionCell& cell : run.confusion) {
    // Cells are drawn row by row, the share before the count.
    const std::string share = ">" + plot::format_share(cell.share) + "</text>";
    position = svg.find(share, position);
    REQUIRE(position != std::string::npos);
    position = svg.find(">" + std::to_string(cell.count) + "</text>", position);
    REQUIRE(position != std::string::npos);
  }
  for (const std::string& name : apps::run_names(run).classes) {
    const auto all = texts(apps::draw_confusion(run, apps::MatrixKind::kShare));
    CHECK(std::count(all.begin(), all.end(), name) == 2);
  }
}

TEST_CASE("the twin matrix shows the mean probabilities", "[figures]") {
  const apps::Run run = nn_test::sample_run("mlp", "libnn");
  const auto all =
      texts(apps::draw_confusion(run, apps::MatrixKind::kMeanProbability));
  for (const apps::ConfusionCell& cell : run.confusion) {
    CHECK(contains(all, plot::format_share(cell.mean_probability)));
  }
}

TEST_CASE("the loss figure names the last values and the best epoch",
          "[figures]") {
  apps::Run run = nn_test::sample_run("cnn", "torch", 5);
  run.history[2].test_accuracy = 0.995;
  const auto all = texts(apps::draw_loss(run));
  const apps::EpochRow& last = run.history.back();
  CHECK(contains(all, "test " + plot::format_number(last.test_loss, 4)));
  CHECK(contains(all, "training " + plot::format_number(last.train_loss, 4)));
  CHECK(contains(all, "test " + plot::format_percent(last.test_accuracy)));
  CHECK(contains(all, "best on the test set: epoch 3, 99.50 %"));
  CHECK_THAT(all.front(), ContainsSubstring("Fashion-MNIST"));
  CHECK_THAT(all.front(), ContainsSubstring("CNN (LibTorch)"));
}

TEST_CASE("the lines of the loss figure go through the history's values",
          "[figures]") {
  apps::Run run = nn_test::sample_run("cnn", "libnn", 3);
  // On a linear axis equal steps of the value are equal steps of the line.
  const double losses[] = {1.0, 0.75, 0.5};
  for (std::size_t i = 0; i < 3; ++i) {
    run.history[i].test_loss = losses[i];
    run.history[i].train_loss = losses[i] + 0.1;
  }
  int found = 0;
  const plot::Drawing drawing = apps::draw_loss(run);
  for (const plot::Shape& shape : drawing.shapes()) {
    const auto* line = std::get_if<plot::Polyline>(&shape);
    if (line == nullptr || line->points.size() != 3) continue;
    const auto& p = line->points;
    CHECK(p[1].x - p[0].x == Approx(p[2].x - p[1].x));
    if (++found <= 2) {
      CHECK(p[1].y > p[0].y);
      CHECK(p[1].y - p[0].y == Approx(p[2].y - p[1].y));
    }
  }
  CHECK(found == 4);
}

TEST_CASE("the top-3 figure marks the images of another class", "[figures]") {
  const apps::Run run = nn_test::sample_run("mlp", "libnn");
  const auto all = texts(apps::draw_top3(run));
  const auto names = apps::run_names(run).classes;
  long wrong = 0;
  for (const apps::TopImage& top : run.top3) {
    CHECK(contains(all, plot::format_probability(top.probability)));
    if (top.label != top.label_class) {
      ++wrong;
      CHECK(contains(all, "is " + names[static_cast<std::size_t>(top.label)]));
    }
    CHECK(contains(all, "image " + std::to_string(top.index)));
  }
  CHECK(std::count_if(all.begin(), all.end(), [](const std::string& text) {
          return text.rfind("is ", 0) == 0;
        }) == wrong);
  CHECK(wrong > 0);
}

TEST_CASE("the mistakes are the errors with the least true probability",
          "[figures]") {
  const apps::Run run = nn_test::sample_run("mlp", "libnn");
  const apps::Prediction* worst = nullptr;
  for (const apps::Prediction& p : run.predictions) {
    const auto truth = [](const apps::Prediction& q) {
      return q.probability[static_cast<std::size_t>(q.label)];
    };
    if (p.label == p.predicted) continue;
    if (worst == nullptr || truth(p) < truth(*worst)) worst = &p;
  }
  REQUIRE(worst != nullptr);
  const auto all = texts(apps::draw_mistakes(run));
  const auto first =
      std::find_if(all.begin(), all.end(), [](const std::string& text) {
        return text.rfind("image ", 0) == 0;
      });
  REQUIRE(first != all.end());
  CHECK(*first == "image " + std::to_string(worst->index));
}

TEST_CASE("a network that is always right has a mistakes figure that says so",
          "[figures]") {
  apps::Run run = nn_test::sample_run("mlp", "libnn");
  for (apps::Prediction& p : run.predictions) p.predicted = p.label;
  apps::derive_tables(run);
  const auto all = texts(apps::draw_mistakes(run));
  CHECK(contains(all, "None: all 80 test images are predicted rightly."));
}

TEST_CASE("every figure is a PNG of its drawing's size and not blank",
          "[figures]") {
  const nn_test::TemporaryDirectory folder;
  const apps::Run run = nn_test::sample_run("cnn", "libnn");
  nn_test::write_sample_run(folder.path(), "cnn-libnn", run);
  const plot::Drawing loss = apps::draw_loss(run);
  for (const char* name : {"loss",
                           "confusion",
                           "top3",
                           "mistakes",
                           "filters",
                           "feature_maps",
                           "layers"}) {
    CAPTURE(name);
    const plot::Pixels pixels = plot::decode_png(
        nn::read_file(folder.file(std::string("cnn-libnn/") + name + ".png")));
    CHECK(pixels.width >= plot::kPngScale * plot::theme::kFigureWidth);
    CHECK(pixels.height > 200);
    CHECK(std::set<int>(pixels.rgb.begin(), pixels.rgb.end()).size() > 10);
    if (std::string(name) == "loss") {
      CHECK(pixels.width == std::ceil(loss.width() * plot::kPngScale));
      CHECK(pixels.height == std::ceil(loss.height() * plot::kPngScale));
    }
  }
}

TEST_CASE("the numbers of every figure are those of the CSV files",
          "[figures]") {
  const nn_test::TemporaryDirectory folder;
  nn_test::write_sample_run(
      folder.path(), "cnn-libnn", nn_test::sample_run("cnn", "libnn"));
  const apps::Run run = apps::read_run(folder.file("cnn-libnn"));
  plot::SvgColours colours;
  const auto has = [](const std::string& svg, const std::string& text) {
    CAPTURE(text);
    CHECK(svg.find(">" + text + "</text>") != std::string::npos);
  };
  const std::string loss = plot::to_svg(apps::draw_loss(run), "", colours);
  has(loss, "test " + plot::format_number(run.history.back().test_loss, 4));
  has(loss, "test " + plot::format_percent(run.history.back().test_accuracy));
  const std::string shares = plot::to_svg(
      apps::draw_confusion(run, apps::MatrixKind::kShare), "", colours);
  const std::string means = plot::to_svg(
      apps::draw_confusion(run, apps::MatrixKind::kMeanProbability),
      "",
      colours);
  for (const apps::ConfusionCell& cell : run.confusion) {
    has(shares, plot::format_share(cell.share));
    has(means, plot::format_share(cell.mean_probability));
  }
  const std::string top = plot::to_svg(apps::draw_top3(run), "", colours);
  for (const apps::TopImage& image : run.top3) {
    has(top, plot::format_probability(image.probability));
  }
  const std::string times =
      plot::to_svg(apps::draw_layer_times(run), "", colours);
  double forward = 0;
  for (const apps::LayerTime& row : run.layers) forward += row.forward_seconds;
  has(times, "Forward, in all " + plot::format_number(forward * 1e3) + " ms");
  for (const apps::LayerTime& row : run.layers) {
    has(times, std::to_string(row.layer) + "  " + row.name);
    has(times,
        plot::format_number(row.forward_seconds * 1e3) + " ms, " +
            plot::format_percent(row.forward_seconds / forward, 1));
  }
}

TEST_CASE("no text of a figure leaves it, nor is it too small to print",
          "[figures]") {
  const std::string model = GENERATE("mlp", "cnn");
  const int epochs = GENERATE(1, 3, 20, 200);
  CAPTURE(model, epochs);
  const apps::Run run = nn_test::sample_run(model, "torch", epochs);
  const nn::Matrix<float> weights = nn::Matrix<float>::Random(25, 16);
  for (const plot::Drawing& drawing :
       {apps::draw_loss(run),
        apps::draw_confusion(run, apps::MatrixKind::kShare),
        apps::draw_confusion(run, apps::MatrixKind::kMeanProbability),
        apps::draw_top3(run),
        apps::draw_mistakes(run),
        apps::draw_filters(run, weights, nn::Shape{1, 5, 5}),
        apps::draw_feature_maps(run, nn_test::sample_outputs(model)),
        apps::draw_layer_times(run)}) {
    // Wider ones would be set smaller on paper.
    CHECK(drawing.width() <= plot::theme::kFigureWidth * 1.02);
    for (const plot::Shape& shape : drawing.shapes()) {
      const auto* text = std::get_if<plot::Text>(&shape);
      if (text == nullptr || text->style.angle != 0) continue;
      CAPTURE(text->text);
      const double left = text->style.align == plot::Align::kLeft ? text->x
                          : text->style.align == plot::Align::kRight
                              ? text->x - text->width
                              : text->x - text->width / 2;
      CHECK(left >= 0);
      CHECK(left + text->width <= drawing.width());
      CHECK(text->y <= drawing.height());
      CHECK(text->style.size * plot::theme::kPaperScale >= 7);
    }
  }
}

TEST_CASE("the feature maps show every layer, and the class of the image",
          "[figures]") {
  const apps::Run run = nn_test::sample_run("cnn", "libnn");
  const auto outputs = nn_test::sample_outputs("cnn");
  const plot::Drawing drawing = apps::draw_feature_maps(run, outputs);
  const auto all = texts(drawing);
  CHECK(contains(all, "test image 0, true class T-shirt/top"));
  CHECK(contains(all, "3  Conv2d  32x14x14"));
  CHECK(contains(all, "7  Softmax  10"));
  CHECK(contains(all, "88.75 %"));
  // The input, 3 x 16 and 3 x 32 maps, 2 x 10 cells.
  const auto& shapes = drawing.shapes();
  CHECK(std::count_if(shapes.begin(), shapes.end(), [](const auto& shape) {
          return std::holds_alternative<plot::Image>(shape);
        }) == 1 + 3 * 16 + 3 * 32 + 2 * 10);
}

TEST_CASE("a feature map is coloured by its values", "[figures]") {
  const apps::Run run = nn_test::sample_run("cnn", "libnn");
  const std::vector<apps::LayerOutput> outputs{
      {"Conv2d", nn::Shape{1, 1, 3}, {-2.0F, 0.0F, 1.0F}}};
  const plot::Drawing drawing = apps::draw_feature_maps(run, outputs);
  const plot::Image* map = nullptr;
  for (const plot::Shape& shape : drawing.shapes()) {
    if (const auto* image = std::get_if<plot::Image>(&shape)) map = image;
  }
  REQUIRE(map != nullptr);
  REQUIRE(map->pixels.width == 3);
  for (const auto& [pixel, t] : {std::pair<std::size_t, double>{0, -1.0},
                                 std::pair<std::size_t, double>{1, 0.0},
                                 std::pair<std::size_t, double>{2, 0.5}}) {
    const plot::Rgb expected = plot::theme::diverging(t);
    CHECK(map->pixels.rgb[3 * pixel] == expected.r);
    CHECK(map->pixels.rgb[3 * pixel + 1] == expected.g);
    CHECK(map->pixels.rgb[3 * pixel + 2] == expected.b);
  }
}

TEST_CASE("feature maps that do not fit their shape are refused",
          "[figures][errors]") {
  const apps::Run run = nn_test::sample_run("cnn", "libnn");
  CHECK_THAT(
      nn_test::message_of<std::invalid_argument>([&] {
        apps::draw_feature_maps(run, {{"Conv2d", nn::Shape{2, 2, 2}, {1}}});
      }),
      ContainsSubstring("expected 8 values"));
}

TEST_CASE("weights that do not fit their filter shape are refused",
          "[figures][errors]") {
  const apps::Run run = nn_test::sample_run("cnn", "libnn");
  const nn::Matrix<float> weights = nn::Matrix<float>::Ones(24, 16);
  CHECK_THAT(nn_test::message_of<std::invalid_argument>([&] {
               apps::draw_filters(run, weights, nn::Shape{1, 5, 5});
             }),
             ContainsSubstring("expected 25 weights"));
}

TEST_CASE("a test image that the run does not hold is refused",
          "[figures][errors]") {
  apps::Run run = nn_test::sample_run("mlp", "libnn");
  CHECK(apps::holds_images(run));
  CHECK_THROWS_AS(apps::collect_images(run, nn_test::sample_test_set().head(5)),
                  std::invalid_argument);
  run.images.erase(run.images.begin());
  CHECK_FALSE(apps::holds_images(run));
  CHECK_THROWS_AS(apps::draw_feature_maps(run, {}), std::invalid_argument);
  run.images.clear();
  CHECK_THROWS_AS(apps::draw_top3(run), std::invalid_argument);
  CHECK_THROWS_AS(apps::draw_mistakes(run), std::invalid_argument);
}

TEST_CASE("names that a summary lacks are said to be unknown", "[figures]") {
  apps::Run unknown;
  unknown.classes = 10;
  const apps::RunNames names = apps::run_names(unknown);
  CHECK(names.dataset == "unknown data set");
  CHECK(names.model == "unknown model");
  CHECK(names.classes.size() == 10);
  CHECK(names.classes[7] == "7");
}

TEST_CASE("the figures have room for any number of classes", "[figures]") {
  for (const int classes : {2, 10, 26, 47, 62}) {
    CAPTURE(classes);
    const apps::Run run =
        nn_test::sample_run("mlp", "libnn", 3, /*seed=*/1, classes);
    const std::vector<std::string> names = apps::run_names(run).classes;
    REQUIRE(names.size() == static_cast<std::size_t>(classes));
    const plot::Drawing matrix =
        apps::draw_confusion(run, apps::MatrixKind::kShare);
    const auto of_matrix = texts(matrix);
    for (const std::string& name : names) {
      CHECK(std::count(of_matrix.begin(), of_matrix.end(), name) >= 2);
    }
    CHECK(matrix.width() < 1000);
    // What a report shows on several pages is the whole.
    std::vector<std::string> parts;
    int next = 0;
    int least = classes;
    int most = 0;
    for (const auto& [first, count] : apps::top3_pages(classes)) {
      CHECK(first == next);
      next += count;
      least = std::min(least, count);
      most = std::max(most, count);
      const plot::Drawing part = apps::draw_top3(run, first, count);
      CHECK(part.height() < 1.75 * part.width());
      for (const std::string& text : texts(part)) parts.push_back(text);
    }
    CHECK(next == classes);
    CHECK(most - least <= 1);
    for (const std::string& name : names) CHECK(contains(parts, name));
    CHECK(std::count_if(parts.begin(), parts.end(), [](const auto& text) {
            return text.rfind("image ", 0) == 0;
          }) == static_cast<std::ptrdiff_t>(run.top3.size()));
    CHECK_NOTHROW(apps::draw_top3(run));
    CHECK_NOTHROW(apps::draw_mistakes(run));
    CHECK_THROWS_AS(apps::draw_top3(run, 1, classes), std::invalid_argument);
  }
}
