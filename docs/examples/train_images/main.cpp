// Learns coloured pictures, PNG or JPEG in a folder for each class:
//
//   train_images TRAINING-FOLDER TEST-FOLDER MODEL
#include <nn/nn.h>

#include <exception>
#include <iostream>
#include <stdexcept>

int main(int argc, char** argv) try {
  if (argc != 4) throw std::runtime_error("expected two folders and MODEL");
  nn::ImageFolderOptions folder;
  folder.picture.color = nn::PictureColor::kRgb;
  folder.picture.size = nn::Extent(24, 24);
  folder.picture.fit = nn::PictureFit::kCrop;
  const nn::ImageSet learned = nn::load_image_folder(argv[1], folder).images;
  folder.class_names = learned.class_names;  // the same labels
  const nn::ImageSet others = nn::load_image_folder(argv[2], folder).images;
  const nn::Samples<float> samples(learned, {}), test(others, {});
  nn::Sequential<float> net(learned.shape, /*seed=*/1);
  net.add<nn::Standardize>(samples.moments());
  for (const nn::Index channels : {12, 24}) {
    net.add<nn::Conv2d>(channels, 3, 1, 1).add<nn::BatchNorm2d>();
    net.add<nn::ReLU>().add<nn::MaxPool2d>(2);
  }
  net.add<nn::Linear>(learned.class_names.size()).add<nn::Softmax>();
  nn::Adam<float> adam(net.parameters(), {/*learning_rate=*/0.003});
  nn::TrainerOptions options{/*epochs=*/20, /*batch_size=*/20};
  options.augmentation.flip_horizontal = true;
  options.augmentation.rotation = 10;
  options.augmentation.scale = 0.1;
  options.augmentation.border = nn::AugmentationBorder::kEdge;
  nn::Trainer<float>(net, adam, options).fit(samples);
  nn::save_model(argv[3], net);
  const auto report = nn::classification_report<float>(net, test);
  std::cout << report.confusion << "\nright: " << report.accuracy << '\n';
} catch (const std::exception& error) {
  std::cerr << "train_images: error: " << error.what() << '\n';
  return 1;
}
