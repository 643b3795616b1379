#ifndef NN_APPS_COMMON_TEXTS_H_
#define NN_APPS_COMMON_TEXTS_H_

/// Every standing text of the figures and of the report: headings, captions and
/// explanations. What a figure or a table says of one run is put together where
/// it is made, around these.
namespace apps::texts {

// The figures of a run. A title is "<data set>: <this>, <network>".
constexpr char kLossTitle[] = "loss and accuracy over epochs";
constexpr char kLossSubtitle[] =
    "Test: by the weights at the end of the epoch. Training: mean over the "
    "epoch's batches, each measured before its step.";
constexpr char kShareTitle[] = "confusion matrix";
constexpr char kShareSubtitle[] =
    "Share of each true class predicted as each class: every row adds up to 1. "
    "Beneath it: number of test images.";
constexpr char kMeanTitle[] = "mean predicted probability";
constexpr char kMeanSubtitle[] =
    "Mean of the predicted probability of each class over all test images of "
    "the true class: every row adds up to 1.";
// Of a matrix whose cells have room for two digits.
constexpr char kShareTextOfMany[] =
    "Share of each true class predicted as each class, in percent; less than "
    "0.5 % stays without a number.";
constexpr char kMeanTextOfMany[] =
    "Mean of the predicted probability of each class over all test images of "
    "the true class, in percent; less than 0.5 % stays without a number.";
constexpr char kAbsentRows[] =
    " A row of dashes: the test set has no image of that class.";
constexpr char kAbsentClass[] = " \u2013 not in the test set";
// Stands where there is nothing to show.
constexpr char kNothing[] = "\u2013";
// Stands for what is cut off.
constexpr char kEllipsis[] = "\u2026";
constexpr char kTrueClass[] = "true class";
constexpr char kPredictedClass[] = "predicted class";
constexpr char kTo[] = " to ";
constexpr char kTopTitle[] = "the top 3 test images of every class";
constexpr char kTopSubtitle[] =
    "Ranked by the predicted probability of the class, over all test images. "
    "Thick red frame: the image is of another class, named beneath it.";
constexpr char kTopNote[] =
    "Percentages carry as many digits as it takes to tell them from 100 %; "
    "\"100 %\" without decimals is exactly that. top3.csv has all digits.";
constexpr char kMistakesTitle[] = "the worst mistakes";
constexpr char kFiltersTitle[] = "weights of the first layer";
constexpr char kFeatureMapsTitle[] = "one image through the layers";
constexpr char kFeatureMapsSubtitle[] =
    "Every layer's output in inference. Blue: positive, orange: negative, "
    "white: 0; each layer has a scale of its own.";
constexpr char kReliabilityTitle[] = "reliability";
constexpr char kConfidence[] = "predicted probability of the predicted class";
constexpr char kLayerTimesTitle[] = "time by layer";
constexpr char kLayerTimesSubtitle[] =
    "Median for one training batch, layer by layer, measured after the last "
    "epoch.";
constexpr char kFusedLayers[] =
    " In training, libnn runs neighbouring layers as one, which is faster than "
    "their sum.";
constexpr char kNoLayers[] = "No layer was measured.";

// What a screen reader says of figures whose numbers it cannot reach.
constexpr char kMistakesAlt[] =
    "the worst test errors with true and predicted classes and their "
    "probabilities.";
constexpr char kFiltersAlt[] = "the weights of the first layer as images.";
constexpr char kFeatureMapsAlt[] =
    "the first test image and the output of every layer for it, as images.";

// Axes.
constexpr char kEpoch[] = "epoch";
constexpr char kStep[] = "step";
constexpr char kAccuracy[] = "Accuracy";
constexpr char kTestAccuracy[] = "Test accuracy";
constexpr char kLogarithmic[] = "logarithmic scale";

// The figures that compare runs.
constexpr char kStepLossesSubtitle[] =
    "The pale line shows wherever the dark one leaves it. Of many steps, each "
    "span's least and greatest value is drawn. A "
    "difference of exactly 0 lies on the lower edge.";
constexpr char kSecondsTitle[] = "Seconds per epoch";
constexpr char kSecondsSubtitle[] =
    "Median over the epochs, training alone. Compare only runs of the same "
    "machine with the same number of threads.";
constexpr char kEverySecondTitle[] = "Seconds of every epoch";
constexpr char kEverySecondSubtitle[] =
    "An epoch far above its neighbours probably shared the machine with "
    "something else; the median, at the line's end, is hardly moved by it.";

// The report: sections and what introduces them.
constexpr char kReportSubtitle[] =
    "Trained with stochastic gradient descent on the cross-entropy loss, "
    "tested on images that training never saw.";
constexpr char kScroll[] = ": scroll to the right for the rest";
constexpr char kMissing[] = "What is missing";
constexpr char kMissingText[] =
    "These files could not be used; everything that the others allow is below.";
constexpr char kMixedData[] =
    "The runs are of different data sets: compare them with care.";
constexpr char kResults[] = "Results";
constexpr char kOtherTestSets[] =
    "The networks were tested on different images, as the table's test sets "
    "say: numbers rank within one test set alone, and only there are networks "
    "compared.";
constexpr char kTestSet[] = "Test set";
constexpr char kNetworks[] = "What was trained";
constexpr char kHowToRead[] = "How to read the figures";
constexpr char kLoss[] = "Loss and accuracy over epochs";
constexpr char kLossText[] =
    "The cross-entropy loss is the mean of -log(probability given to the true "
    "class), in nats: ln(10) = 2.303 for a network that knows nothing. The "
    "dashed vertical line marks the epoch with the best test accuracy.";
constexpr char kMatrices[] = "Confusion matrices";
constexpr char kMatricesText[] =
    "Rows are true classes, columns are predicted ones. A cell is the share of "
    "its row's images; a perfect network has ones on the diagonal. The colour "
    "scale is stretched towards 0 so that single errors show.";
constexpr char kMeans[] = "Mean predicted probability";
constexpr char kMeansText[] =
    "The same matrix, but of the probabilities that the network gave rather "
    "than of its decisions: it also shows doubt that led to no error.";
constexpr char kTop[] = "Highest-scored test images";
constexpr char kMistakes[] = "Worst mistakes";
constexpr char kCalibration[] = "Calibration";
constexpr char kCalibrationText[] =
    "Of all predictions made with a probability of 90 %, 90 % should be right: "
    "then the points lie on the diagonal. The expected calibration error is "
    "the mean distance from it, weighted by the number of images.";
constexpr char kFilters[] = "First-layer weights";
constexpr char kFeatureMaps[] = "Feature maps";
constexpr char kFeatureMapsText[] =
    "What each layer makes of the first test image. Blue is positive, orange "
    "negative; every layer has a scale of its own.";
constexpr char kLayerTimes[] = "Time by layer";
constexpr char kLayerTimesText[] =
    "How long each layer takes for a batch, forward and backward, and its "
    "share of the network's. The first layer has no gradient to hand on. The "
    "final Softmax is part of the loss and not among them.";
constexpr char kClasses[] = "Class by class";
constexpr char kModels[] = "MLP against CNN";
constexpr char kBackends[] = "Own code against LibTorch";
constexpr char kBackendsText[] =
    "Both start from the same weights and see the same batches in the same "
    "order. They differ by the rounding of float arithmetic alone, which "
    "training magnifies: the step losses agree at first and drift apart as far "
    "as another order of the same sums would take them.";
constexpr char kSpeed[] = "Speed";
constexpr char kHow[] = "How it was run";
constexpr char kHowText[] =
    "The project's apps/reproduce.sh builds the programs, fetches the data and "
    "trains all networks with their defaults. Run alone, the programs (in "
    "build/release/bin) give these runs by these commands; the same seed gives "
    "the same initial weights and the same order of batches.";

// Captions of the tables.
constexpr char kResultsCaption[] =
    "Final weights on the test set. The interval is Wilson's: how far another "
    "test set of this size could differ by chance. An epoch's time is the "
    "median, without evaluation.";
constexpr char kPairsCaption[] =
    "Both networks on the same test images. p is McNemar's exact test of "
    "whether the images that one alone gets right split evenly; where it is "
    "0.05 or more, the difference may be chance, and neither is better.";
constexpr char kScoresCaption[] =
    "precision is the share of the images predicted as a class that are of it, "
    "recall the share of a class's images that are found, F1 their harmonic "
    "mean.";
constexpr char kConfusedCaption[] = "the most confused pairs of classes.";
constexpr char kSurroundingsCaption[] = "Surroundings of each run.";
constexpr char kFilesCaption[] = "The data files that were read.";

}  // namespace apps::texts

#endif  // NN_APPS_COMMON_TEXTS_H_
