"""The classifier that predicts whether Wikipedia would cite a page: training set, training, prediction."""
