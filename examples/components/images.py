"""Images as resources: a new build, or a new image under a tag, replaces what runs it."""

from components import ImageBuild, Images, ImagesArgs, Service, ServiceArgs

images = Images("images", ImagesArgs(references=["redis:7-alpine"], builds={"shop-api": ImageBuild(context="api")}))
Service("cache", ServiceArgs(image=images.ids["redis:7-alpine"], user="999:1000"))
Service("api", ServiceArgs(image=images.ids["shop-api"]))
