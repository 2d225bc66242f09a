from django.urls import path

from shop.views import export

urlpatterns = [path("exports/<int:year>/", export)]
