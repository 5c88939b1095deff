# One step of the stand-in provider: makes or removes a thing (a file), taking its time. It tells when two work on the
# same thing at once: the second finds the mark of the first, whose process lives (a zombie, whose parent is stopped and
# has not heard of its end, does not).
#   step.sh FOLDER NAME make|remove SECONDS WHO
folder=$1 name=$2 what=$3 seconds=$4 who=$5
mark="$folder/busy/$name"
if [ -f "$mark" ]; then
  read -r other <"$mark"
  if kill -0 "$other" 2>/dev/null && ! grep -q '^State:.Z' "/proc/$other/status" 2>/dev/null; then echo "$name $what $who while $other" >>"$folder/clashes"; fi
fi
echo $$ >"$mark"
echo "$$ $name $what $who" >>"$folder/begun"
sleep "$seconds"
if [ "$what" = make ]; then echo "$who" >"$folder/things/$name"; else rm -f "$folder/things/$name"; fi
rm -f "$mark"
echo "$name $what $who" >>"$folder/ended"
