# `make image` builds the images of the agent without a container engine (docs/deploy.md); `make measure` prints what their evidence will say.
.PHONY: image measure
image:
	npm run -s image

measure:
	cat build/image/reference-values.json
