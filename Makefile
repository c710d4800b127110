# `make image` builds the images of the agent without a container engine (docs/deploy.md); `make measure` prints the values that clients pin, and how.
.PHONY: image measure
image:
	@npm run -s image

measure:
	@npm run -s image:measure
