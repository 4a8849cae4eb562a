"""Acts on a running platform, through labels, outputs and the Docker API; and makes the images it runs from."""
