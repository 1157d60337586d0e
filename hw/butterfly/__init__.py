"""Engine of `butterfly`: butterfly-sparse linear layers and Fourier transforms."""
